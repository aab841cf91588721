namespace MergeTasks.Language.Diagnostics;

/// <summary>"Did you mean": the closest of the valid names.</summary>
internal static class Suggestion
{
    private const int MaxDistance = 2;

    /// <summary>
    /// The valid name within two edits of what was written (one for short names); <see langword="null"/> where none is that close.
    /// </summary>
    public static string? Closest(string written, IEnumerable<string> valid)
    {
        var best = valid
            .Select(name => (Name: name, Distance: Distance(written.ToUpperInvariant(), name.ToUpperInvariant())))
            .OrderBy(candidate => candidate.Distance)
            .FirstOrDefault();
        return best.Name is not null && best.Distance <= Math.Min(MaxDistance, Math.Max(1, written.Length / 3)) ? best.Name : null;
    }

    /// <summary>The tail of an error message: the closest name if there is one, and all valid names.</summary>
    public static string Sentence(string written, IReadOnlyCollection<string> valid) =>
        (Closest(written, valid) is { } closest ? $" Did you mean '{closest}'?" : "")
        + (valid.Count == 0 ? "" : $" Valid: {string.Join(", ", valid)}.");

    // Damerau's optimal string alignment: inserting, deleting, replacing a letter or swapping two neighbours is one edit.
    private static int Distance(string a, string b)
    {
        var rows = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
            rows[i, 0] = i;
        for (var j = 0; j <= b.Length; j++)
            rows[0, j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            for (var j = 1; j <= b.Length; j++)
            {
                var replace = rows[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                rows[i, j] = Math.Min(replace, Math.Min(rows[i - 1, j], rows[i, j - 1]) + 1);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    rows[i, j] = Math.Min(rows[i, j], rows[i - 2, j - 2] + 1);
            }
        }

        return rows[a.Length, b.Length];
    }
}
