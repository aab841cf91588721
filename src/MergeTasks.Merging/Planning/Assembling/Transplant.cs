using MergeTasks.Language.Options;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Planning.Vocabularies;

namespace MergeTasks.Merging.Planning.Assembling;

/// <summary>Which rows of a table stay, and which are made.</summary>
/// <param name="Found">Of each row of the new table, the old one that it gets; −1: none.</param>
/// <param name="Missing">The rows that stand for tokens that the model lacks, in order.</param>
/// <param name="Common">Rows of the new table whose tokens both models have, in order.</param>
internal sealed record Transplant(int[] Found, IReadOnlyList<int> Missing, IReadOnlyList<int> Common)
{
    /// <summary>Old rows in their new places; rows that are neither found nor made are zeros.</summary>
    public RowMap Map { get; } = new(
        Found,
        Enumerable.Range(0, Found.Length).Where(row => Found[row] < 0).ToDictionary(row => row, _ => RowFill.Zero),
        new bool[Found.Length]);
}

/// <summary>Finds another vocabulary's tokens in a model's.</summary>
/// <param name="own">The model's tokens.</param>
/// <param name="ownRows">Rows of the model's tables.</param>
/// <param name="vocabulary">The other vocabulary.</param>
/// <param name="other">Its tokens.</param>
/// <param name="settings">When tokens are the same.</param>
internal sealed class TokenMatching(
    TokenBytes own, int ownRows, ModelVocabulary vocabulary, TokenBytes other, TransplantSettings settings)
{
    /// <summary>The other vocabulary's number of ids.</summary>
    public int Rows { get; } = vocabulary.Ordered[^1].Value + 1;

    /// <summary>Which rows of a table stay.</summary>
    /// <param name="table">Which table.</param>
    /// <param name="trained">Which of the model's rows, and of the other's, look trained; <see langword="null"/>: all count.</param>
    public Transplant Match(VocabularyTables table, (bool[] Own, bool[] Other)? trained = null)
    {
        var (found, common, missing) = (new int[Rows], new List<int>(), new List<int>());
        Array.Fill(found, -1);
        var same = new Dictionary<int, int>();
        foreach (var (token, id) in vocabulary.Ordered)
        {
            if (!same.ContainsKey(id) && own.Find(token, other, settings.ByteMatch.HasFlag(table)) is { } row && row < ownRows)
                same.Add(id, row);
        }

        // Rows that tokens may begin with are those of tokens that both models have trained, where that is asked for.
        var usable = trained is null ? null
            : same.Where(pair => trained.Value.Own[pair.Value] && trained.Value.Other[pair.Key]).Select(pair => pair.Value).ToHashSet();
        foreach (var group in vocabulary.Ordered.GroupBy(entry => entry.Value, entry => entry.Key))
        {
            var id = group.Key;
            if (same.TryGetValue(id, out var row) && (usable is null || (usable.Contains(row) && trained!.Value.Other[id])))
            {
                found[id] = row;
                common.Add(id);
            }
            else if (trained is { } look && !look.Other[id] && !(same.TryGetValue(id, out row) && look.Own[row]))
            {
                // Neither model has learnt it: zeros.
                continue;
            }
            else if (settings.PrefixMatch.HasFlag(table) && Prefix(group, usable) is { } prefix)
            {
                found[id] = prefix;
            }
            else
            {
                missing.Add(id);
            }
        }

        return new(found, missing, common);
    }

    private int? Prefix(IEnumerable<string> tokens, HashSet<int>? usable) => tokens
        .SelectMany(token => own.Prefixes(token, other))
        .Where(row => row < ownRows && usable?.Contains(row) != false)
        .Select(row => (int?)row)
        .FirstOrDefault();
}
