namespace MergeTasks.Checkpoints.Naming;

/// <summary>Where a tensor lies in a stack of layers, for settings that vary over it.</summary>
internal static class LayerPosition
{
    /// <summary>
    /// The layer number in a tensor's name: the first part between dots that is a number; <see langword="null"/> where there is none.
    /// </summary>
    public static int? LayerOf(string tensor) => Find(tensor)?.Layer;

    /// <summary>
    /// What comes before the layer number in a tensor's name, with the dot; <see langword="null"/> where there is no number.
    /// </summary>
    public static string? PrefixOf(string tensor) => Find(tensor) is { } found ? tensor[..found.Start] : null;

    /// <summary>0 for the first layer, 1 for the last (and for the only one).</summary>
    public static double Of(int layer, int count) => count == 1 ? 1 : (double)layer / (count - 1);

    private static (int Layer, int Start)? Find(string tensor)
    {
        foreach (var range in tensor.AsSpan().Split('.'))
        {
            if (int.TryParse(tensor.AsSpan(range), System.Globalization.NumberStyles.None, null, out var layer))
                return (layer, range.Start.Value);
        }

        return null;
    }
}
