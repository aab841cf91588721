using MergeTasks.Checkpoints;

namespace MergeTasks.Merging.Planning;

/// <summary>Where a tensor lies in the stack of layers, for settings that vary over it.</summary>
public static class LayerPosition
{
    /// <summary>The layer number in a tensor's name: the first part between dots that is a number; <see langword="null"/> where there is none.</summary>
    public static int? LayerOf(string tensor)
    {
        foreach (var range in tensor.AsSpan().Split('.'))
        {
            if (int.TryParse(tensor.AsSpan(range), System.Globalization.NumberStyles.None, null, out var layer))
                return layer;
        }

        return null;
    }

    /// <summary>The number of layers: what the configuration says, else one more than the largest number in the names.</summary>
    public static int CountOf(ModelConfig config, IEnumerable<string> names) =>
        config.LayerCount ?? names.Select(name => LayerOf(name) + 1 ?? 0).DefaultIfEmpty(0).Max();

    /// <summary>0 for the first layer, 1 for the last (and for the only one); 0 for tensors outside the layers, as in mergekit.</summary>
    public static double Of(string tensor, int layerCount) =>
        LayerOf(tensor) is not { } layer || layer >= layerCount ? 0 : layerCount == 1 ? 1 : (double)layer / (layerCount - 1);
}
