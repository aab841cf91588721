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
            (new TensorSpec(list.Name, DType.F64, [list.Values.Length]),
                (ReadOnlyMemory<byte>)MemoryMarshal.AsBytes<double>(list.Values).ToArray()))]);

    /// <summary>Whether a file says that it was computed from a key's ingredients, and has what is computed.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static bool IsOf(string path, ScoreRequest request) => IsOf(path, request.Key, request.Lists);

    /// <summary>Whether a file says that it was computed from a key's ingredients.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static bool IsOf(string path, ScoreKey key) => IsOf(path, key, []);

    private static bool IsOf(string path, ScoreKey key, IEnumerable<ScoreList> lists)
    {
        try
        {
            using var file = SafetensorsFile.Open(path);
            var tensors = file.Header.Tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
            var said = file.Header.Metadata;
            var wanted = key.Metadata.ToList();
            return said.Count == wanted.Count
                && wanted.TrueForAll(pair => said.TryGetValue(pair.Key, out var value) && value == pair.Value)
                && lists.All(list => tensors.TryGetValue(list.Name, out var tensor)
                    && tensor.DType == list.Type && (list.Length ?? tensor.ElementCount) == tensor.ElementCount);
        }
        catch (CheckpointException)
        {
            return false;
        }
    }

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
