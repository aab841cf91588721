using MergeTasks.Checkpoints.Adapters;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Sources.References;

namespace MergeTasks.Sources.Contract;

/// <summary>Which files of a repository or package a merge needs: weights, configuration, tokenizer, card and licence.</summary>
internal static class ModelFiles
{
    private static readonly string[] Pickles = [".bin", ".pt", ".pth", ".ckpt", ".pkl"];

    /// <summary>Chooses files.</summary>
    /// <param name="names">All files.</param>
    /// <param name="shards">The shards that the index names; called only where the index counts.</param>
    /// <param name="what">The repository or package, for messages.</param>
    /// <exception cref="SourceException">It has no weights, or pickled ones only.</exception>
    public static IReadOnlyList<string> Select(IReadOnlyCollection<string> names, Func<IReadOnlyCollection<string>> shards, string what)
    {
        var weights = names.Contains(WeightFiles.SingleFileName) ? [WeightFiles.SingleFileName]
            : names.Contains(ShardIndex.FileName) ? [ShardIndex.FileName, .. shards()]
            : names.Contains(LoraAdapter.WeightsFileName) ? [LoraAdapter.WeightsFileName]
            : (IReadOnlyCollection<string>)[];
        if (weights.Count == 0)
            throw NoWeights(names, what);
        if (weights.FirstOrDefault(name => !names.Contains(name)) is { } missing)
            throw new SourceException(SourceError.NotFound, $"The shard index of {what} names '{missing}', which is not there.");
        return [.. names.Where(name => IsKept(name) || weights.Contains(name)).Order(StringComparer.Ordinal)];
    }

    private static bool IsKept(string name) =>
        name is ModelConfig.FileName or "README.md" or LoraAdapter.WeightsFileName or AdapterConfig.FileName || SideFiles.IsSideFile(name)
        || (SideFiles.IsCode(name) && !name.Contains('/', StringComparison.Ordinal));

    private static SourceException NoWeights(IReadOnlyCollection<string> names, string what) =>
        names.Any(name => Pickles.Contains(Path.GetExtension(name).ToLowerInvariant()))
            ? new SourceException(
                SourceError.RefusedFormat,
                $"{what} has only pickled weights, which are not fetched because loading them can run code that they carry. Use a "
                    + "revision or a repository with safetensors.")
            : new SourceException(SourceError.NoWeights, $"{what} has neither '{WeightFiles.SingleFileName}' nor '{ShardIndex.FileName}'.");
}
