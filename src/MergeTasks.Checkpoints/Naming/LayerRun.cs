using MergeTasks.Checkpoints.Configuration;

namespace MergeTasks.Checkpoints.Naming;

/// <summary>A run of numbered layers in a checkpoint: <c>model.layers.0.…</c> to <c>model.layers.31.…</c>.</summary>
/// <param name="Prefix">What comes before the number, with the dot: <c>model.layers.</c></param>
/// <param name="Count">Number of layers.</param>
internal sealed record LayerRun(string Prefix, int Count)
{
    /// <summary>The part of the model that the stack is, as its name tells.</summary>
    public LayerStackKind Kind =>
        Has("vision") || Has("visual") || Has("image") ? LayerStackKind.Vision
        : Has("audio") || Has("speech") ? LayerStackKind.Audio
        : Has("decoder") ? LayerStackKind.Decoder
        : Has("encoder") ? LayerStackKind.Encoder
        : LayerStackKind.Main;

    /// <summary>The layer that a tensor belongs to; <see langword="null"/> where it is not of this stack.</summary>
    public int? LayerOf(string tensor) =>
        tensor.StartsWith(Prefix, StringComparison.Ordinal) && LayerPosition.LayerOf(tensor) is { } layer && layer < Count ? layer : null;

    /// <summary>What follows the layer's number in a tensor's name, with the dot.</summary>
    public string SuffixOf(string tensor) => tensor[tensor.IndexOf('.', Prefix.Length)..];

    private bool Has(string word) => Prefix.Contains(word, StringComparison.OrdinalIgnoreCase);

    /// <summary>The stacks of a checkpoint in ordinal order: every prefix whose numbers run from 0 without a gap.</summary>
    public static IReadOnlyList<LayerRun> Of(IEnumerable<string> names)
    {
        var numbers = new SortedDictionary<string, HashSet<int>>(StringComparer.Ordinal);
        foreach (var name in names)
        {
            if (LayerPosition.PrefixOf(name) is not { } prefix)
                continue;
            if (!numbers.TryGetValue(prefix, out var layers))
                numbers[prefix] = layers = [];
            layers.Add(LayerPosition.LayerOf(name)!.Value);
        }

        return [
            .. numbers.Where(pair => pair.Value.Max() == pair.Value.Count - 1).Select(pair => new LayerRun(pair.Key, pair.Value.Count))
        ];
    }

    /// <summary>
    /// The stack that slices cut: of those with as many layers as the configuration says, layers that predict further tokens included or
    /// not (of all, where none has), the language model's, else a decoder, else the largest.
    /// </summary>
    public static LayerRun? MainOf(IReadOnlyList<LayerRun> stacks, ModelConfig config)
    {
        var counted = stacks.Where(stack =>
            stack.Count == config.LayerCount || (config.SurplusLayers > 0 && stack.Count == config.LayerCount + config.SurplusLayers))
                .ToList();
        return (counted.Count > 0 ? counted : stacks)
            .OrderBy(stack =>
                stack.Kind switch { LayerStackKind.Main => 0, LayerStackKind.Decoder => 1, LayerStackKind.Encoder => 2, _ => 3 })
            .ThenByDescending(stack => stack.Count)
            .FirstOrDefault();
    }
}
