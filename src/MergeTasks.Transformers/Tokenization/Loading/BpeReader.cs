using System.Text.Json;
using MergeTasks.Transformers.Tokenization.Models;

namespace MergeTasks.Transformers.Tokenization.Loading;

/// <summary>Reads a BPE model.</summary>
internal static class BpeReader
{
    public static BpeModel Read(JsonComponent component)
    {
        if (component.Optional("dropout") is { } dropout && !(dropout.ValueKind == JsonValueKind.Number && dropout.GetDouble() == 0))
            throw component.Error("has a dropout, which makes ids random; remove it to encode deterministically");
        var options = new BpeOptions(
            component.OptionalString("unk_token"),
            component.OptionalString("continuing_subword_prefix") ?? "",
            component.OptionalString("end_of_word_suffix") ?? "",
            component.OptionalBool("fuse_unk") ?? false,
            component.OptionalBool("byte_fallback") ?? false,
            component.OptionalBool("ignore_merges") ?? false);
        var vocabulary = ModelReader.ReadVocabulary(component);
        return new(vocabulary, ReadMerges(component, vocabulary, options.ContinuingPrefix), options);
    }

    private static BpeMerges ReadMerges(JsonComponent component, Vocabulary vocabulary, string continuingPrefix)
    {
        var list = component.Required("merges");
        if (list.ValueKind != JsonValueKind.Array) throw component.Error("needs a list in 'merges'");
        var merges = new List<(int Left, int Right, int Result)>(list.GetArrayLength());
        foreach (var entry in list.EnumerateArray())
        {
            if (ReadMerge(component, entry) is not var (left, right)) continue;
            if (right.Length < continuingPrefix.Length)
                throw component.Error(
                    $"has the merge of '{left}' and '{right}', whose second part is shorter than the continuing_subword_prefix");
            merges.Add((
                Id(component, vocabulary, left), Id(component, vocabulary, right),
                Id(component, vocabulary, left + right[continuingPrefix.Length..])));
        }

        return new(merges);
    }

    /// <summary>
    /// Reads a merge in the newer form (a pair) or the older one (two tokens with a space between); null for a version line.
    /// </summary>
    private static (string Left, string Right)? ReadMerge(JsonComponent component, JsonElement entry)
    {
        if (entry.ValueKind == JsonValueKind.Array && entry.GetArrayLength() == 2)
            return (component.AsString("merges", entry[0]), component.AsString("merges", entry[1]));
        var line = component.AsString("merges", entry);
        if (line.StartsWith("#version", StringComparison.Ordinal)) return null;
        var parts = line.Split(' ');
        return parts.Length == 2
            ? (parts[0], parts[1])
            : throw component.Error($"has the merge '{line}', which is not two tokens with a space between");
    }

    private static int Id(JsonComponent component, Vocabulary vocabulary, string token) =>
        vocabulary.TryGetId(token, out var id) ? id : throw component.Error($"has a merge with '{token}', which is not in 'vocab'");
}
