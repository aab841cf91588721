namespace MergeTasks.Checkpoints.Safetensors;

/// <summary>Writes small safetensors files from memory.</summary>
internal static class SafetensorsWriter
{
    /// <summary>Writes a file.</summary>
    /// <param name="path">Where; an existing file is replaced.</param>
    /// <param name="metadata">Texts for the header's <c>__metadata__</c>.</param>
    /// <param name="tensors">The tensors with their bytes, little-endian and row-major.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void Write(
        string path,
        IEnumerable<KeyValuePair<string, string>> metadata,
        IReadOnlyList<(TensorSpec Tensor, ReadOnlyMemory<byte> Bytes)> tensors)
    {
        var layout = ShardLayout.OneFile(Path.GetFileName(path), tensors.Select(tensor => tensor.Tensor), metadata);
        var bytesOf = tensors.ToDictionary(tensor => tensor.Tensor.Name, tensor => tensor.Bytes, StringComparer.Ordinal);
        using var handle = File.OpenHandle(path, FileMode.Create, FileAccess.Write, preallocationSize: layout.Length);
        RandomAccess.Write(handle, layout.Header, 0);
        foreach (var tensor in layout.Tensors)
            RandomAccess.Write(handle, bytesOf[tensor.Name].Span, tensor.Offset);
    }
}
