using System.Globalization;
using System.Text;

namespace MergeTasks.Merging.Planning.Vocabularies;

/// <summary>Says in words how two vocabularies differ.</summary>
internal static class VocabularyDifference
{
    private const int TokensInMessage = 10;

    /// <summary>The first differing tokens; <see langword="null"/> where the vocabularies are the same.</summary>
    public static string? Describe(ModelVocabulary first, string firstLabel, ModelVocabulary second, string secondLabel)
    {
        var differences = new List<string>();
        var count = 0;
        foreach (var (token, id) in first.Ordered)
        {
            if (!second.Ids.TryGetValue(token, out var other))
                Add($"{Shown(token)} ({id}) only in '{firstLabel}'");
            else if (other != id)
                Add($"{Shown(token)} is {id} in '{firstLabel}' and {other} in '{secondLabel}'");
        }

        foreach (var (token, id) in second.Ordered)
        {
            if (!first.Ids.ContainsKey(token))
                Add($"{Shown(token)} ({id}) only in '{secondLabel}'");
        }

        return count == 0 ? null : string.Join(", ", differences) + (count > TokensInMessage ? $"; {count - TokensInMessage} more" : "");

        void Add(FormattableString difference)
        {
            if (count++ < TokensInMessage)
                differences.Add(difference.ToString(CultureInfo.InvariantCulture));
        }
    }

    /// <summary>A token in quotes, with what cannot be seen escaped.</summary>
    public static string Shown(string token)
    {
        var text = new StringBuilder("'");
        foreach (var rune in token.EnumerateRunes())
        {
            if (Rune.IsControl(rune) || (Rune.IsWhiteSpace(rune) && rune.Value != ' '))
                text.Append(CultureInfo.InvariantCulture, $"\\u{rune.Value:x4}");
            else
                text.Append(rune.ToString());
        }

        return text.Append('\'').ToString();
    }
}
