using System.Runtime.InteropServices;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;

namespace MergeTasks.Merging.Measuring;

/// <summary>Scores as safetensors files: numbers by name, and the key's ingredients as metadata.</summary>
internal static class ScoreFile
{
    /// <summary>Writes lists of fp64 numbers.</summary>
    public static void Write(string path, ScoreKey key, IEnumerable<(string Name, double[] Values)> lists) =>
        SafetensorsWriter.Write(path, key.Metadata, [.. lists.Select(list =>
            (new TensorSpec(list.Name, DType.F64, [list.Values.Length]), (ReadOnlyMemory<byte>)MemoryMarshal.AsBytes<double>(list.Values).ToArray()))]);

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    public static Dictionary<string, double[]> Read(string path)
    {
        using var file = SafetensorsFile.Open(path);
        return file.Header.Tensors.ToDictionary(tensor => tensor.Name, tensor =>
        {
            var values = new double[tensor.ElementCount];
            file.Read(tensor.Offset, MemoryMarshal.AsBytes(values.AsSpan()));
            return values;
        }, StringComparer.Ordinal);
    }
}
