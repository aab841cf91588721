using MergeTasks.Files;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Planning.Vocabularies;

namespace MergeTasks.Merging.Planning.Adapters;

/// <summary>
/// Which rows of two models' tables are the same token's: by the tokens where both have a tokenizer.json, else by their place.
/// </summary>
internal sealed class SharedTokens
{
    private readonly (IReadOnlyDictionary<string, int> Base, IReadOnlyDictionary<string, int> Tuned)? _ids;

    /// <summary>Reads the vocabularies.</summary>
    /// <param name="baseModel">The base.</param>
    /// <param name="tuned">The fine-tuned model.</param>
    /// <param name="cancellation">Ends digesting.</param>
    public SharedTokens(ModelInput baseModel, ModelInput tuned, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(baseModel);
        ArgumentNullException.ThrowIfNull(tuned);
        if (Ids(baseModel, cancellation) is { } ids && Ids(tuned, cancellation) is { } tunedIds)
            _ids = (ids, tunedIds);
    }

    /// <summary>The tuned model's row for each of the base's, −1 for none; <see langword="null"/> where all are in their places.</summary>
    /// <param name="rows">Rows of the base's table.</param>
    /// <param name="tunedRows">Rows of the tuned model's.</param>
    public int[]? Of(long rows, long tunedRows)
    {
        var map = new int[checked((int)rows)];
        for (var row = 0; row < map.Length; row++)
            map[row] = row < tunedRows ? row : -1;
        if (_ids is var (ids, tunedIds))
        {
            // Padding has no token and is compared by its place, unless the other has a token there.
            var (named, tunedNamed) = (ids.Values.ToHashSet(), tunedIds.Values.ToHashSet());
            for (var row = 0; row < map.Length; row++)
            {
                if (!named.Contains(row) && tunedNamed.Contains(row))
                    map[row] = -1;
            }

            foreach (var (token, id) in ids.Where(pair => pair.Value < rows))
                map[id] = tunedIds.TryGetValue(token, out var own) && own < tunedRows ? own : -1;
        }

        return rows == tunedRows && !map.Where((own, row) => own != row).Any() ? null : map;
    }

    private static IReadOnlyDictionary<string, int>? Ids(ModelInput model, CancellationToken cancellation)
    {
        if (model.SideFiles(cancellation).FirstOrDefault(file => file.Name == ModelVocabulary.FileName) is not { } file)
            return null;
        try
        {
            return ModelVocabulary.Parse(file.Read()).Ids;
        }
        catch (Exception e) when (e is FormatException or FileFault)
        {
            return null;
        }
    }
}
