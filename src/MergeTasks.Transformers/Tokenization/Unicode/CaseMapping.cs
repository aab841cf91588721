namespace MergeTasks.Transformers.Tokenization.Unicode;

/// <summary>Lower case and case-insensitive equality of code points, from the embedded table.</summary>
internal sealed class CaseMapping
{
    private readonly Dictionary<int, string> _lower = [];
    private readonly Dictionary<int, int[]> _orbits = [];
    private readonly List<int[]> _allOrbits = [];
    private readonly List<int[]> _multiple = [];
    private readonly SortedSet<int> _multipleSources = [];

    private CaseMapping()
    {
        var section = "";
        foreach (var line in UnicodeResource.Lines("CaseMappings.txt"))
        {
            if (line is "orbits" or "multiple") section = line;
            else if (section == "orbits") AddOrbits(line);
            else if (section == "multiple") AddMultiple(line);
            else AddLower(line);
        }
    }

    public static CaseMapping Instance { get; } = new();

    /// <summary>Sequences of folded code points that one code point folds to, such as "ss" for U+00DF.</summary>
    public IReadOnlyList<int[]> MultipleFoldings => _multiple;

    /// <summary>Whether a code point folds to more than one.</summary>
    public bool FoldsToMultiple(int codePoint) => _multipleSources.Contains(codePoint);

    /// <summary>The code points that fold to more than one, ascending.</summary>
    public IEnumerable<int> FoldingToMultiple => _multipleSources;

    /// <summary>Code points that are equal when case is ignored; of those that equal no other, none.</summary>
    public IEnumerable<int[]> Orbits => _allOrbits;

    /// <summary>The code points equal to this one when case is ignored, itself included.</summary>
    public ReadOnlySpan<int> Orbit(int codePoint) => _orbits.TryGetValue(codePoint, out var orbit) ? orbit : new[] { codePoint };

    /// <summary>Lower case by the full mapping of each code point, without regard to its neighbours or to a language.</summary>
    public string ToLower(string text)
    {
        var builder = new System.Text.StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            if (rune.Value < 0x80) builder.Append(char.ToLowerInvariant((char)rune.Value));
            else if (_lower.TryGetValue(rune.Value, out var lower)) builder.Append(lower);
            else ScalarText.Append(builder, rune.Value);
        }

        return builder.ToString();
    }

    private void AddLower(string line)
    {
        var equals = line.IndexOf('=', StringComparison.Ordinal);
        var targets = line[(equals + 1)..];
        if (targets.Contains(' ', StringComparison.Ordinal))
        {
            _lower[UnicodeResource.Hex(line.AsSpan(0, equals))] =
                string.Concat(targets.Split(' ').Select(t => char.ConvertFromUtf32(UnicodeResource.Hex(t))));
            return;
        }

        var slash = line.IndexOf('/', StringComparison.Ordinal);
        var step = slash < 0 ? 1 : 2;
        var (first, last) = UnicodeResource.Range(line.AsSpan(0, slash < 0 ? equals : slash));
        var target = UnicodeResource.Hex(targets);
        for (var c = first; c <= last; c += step) _lower[c] = char.ConvertFromUtf32(target + c - first);
    }

    private void AddOrbits(string line)
    {
        foreach (var group in line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            var orbit = group.Split('+').Select(t => UnicodeResource.Hex(t)).ToArray();
            _allOrbits.Add(orbit);
            foreach (var c in orbit) _orbits[c] = orbit;
        }
    }

    private void AddMultiple(string line)
    {
        foreach (var entry in line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            var parts = entry.Split('=');
            _multiple.Add([.. parts[0].Split('+').Select(t => UnicodeResource.Hex(t))]);
            _multipleSources.Add(UnicodeResource.Hex(parts[1]));
        }
    }
}
