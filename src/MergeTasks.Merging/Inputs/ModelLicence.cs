using MergeTasks.Files;

namespace MergeTasks.Merging.Inputs;

/// <summary>A licence that a model's card names.</summary>
/// <param name="Model">The model, as the user named it.</param>
/// <param name="Licence">The Hub's identifier, such as <c>apache-2.0</c>; the licence's own name where the card says <c>other</c>.</param>
internal sealed record ModelLicence(string Model, string Licence)
{
    // A card's front matter is some lines long; what comes after it may be a book.
    private const int MaxLines = 500;
    private const int MaxLength = 100;

    /// <summary>The licences that the card (<c>README.md</c>) in a folder names in its front matter; none where there is no card.</summary>
    /// <remarks>Form: huggingface.co/docs/hub/model-cards (<c>license</c>, <c>license_name</c>).</remarks>
    public static IReadOnlyList<ModelLicence> In(string folder, string model)
    {
        try
        {
            var lines = InputFile.ReadText(Path.Combine(folder, MergedFiles.Card), InputFile.LongestWritten)
                .Split('\n', MaxLines + 1)
                .Take(MaxLines)
                .Select(line => line.TrimEnd())
                .ToList();
            if (lines.Count == 0 || lines[0] != "---")
                return [];
            var front = lines.Skip(1).TakeWhile(line => line != "---").ToList();
            var named = Values(front, "license:").ToList();
            if (named is ["other"] && Values(front, "license_name:").FirstOrDefault() is { } own)
                named = [own];
            return [.. named.Select(name => new ModelLicence(model, name))];
        }
        catch (Exception e) when (FileFault.Covers(e))
        {
            return [];
        }
    }

    // 'key: value', or a list below 'key:'. Nothing else of YAML is used for licences.
    private static IEnumerable<string> Values(List<string> front, string key)
    {
        var at = front.FindIndex(line => line.StartsWith(key, StringComparison.Ordinal));
        if (at < 0)
            return [];
        var value = front[at][key.Length..].Trim();
        var values = value.Length > 0
            ? value.Trim('[', ']').Split(',')
            : front.Skip(at + 1)
                .Select(line => line.TrimStart())
                .TakeWhile(line => line.StartsWith("- ", StringComparison.Ordinal))
                .Select(line => line[2..]);
        return values.Select(text => Identifier(text.Split(" #")[0].Trim().Trim('"', '\''))).OfType<string>();
    }

    /// <summary>A licence's identifier as a text has it; <see langword="null"/> where it cannot be one.</summary>
    public static string? Identifier(string text) =>
        text.Length is > 0 and <= MaxLength && !text.Any(char.IsControl) ? text.ToLowerInvariant() : null;
}
