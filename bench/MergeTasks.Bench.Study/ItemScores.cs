using System.Runtime.InteropServices;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Merging.Measuring;

namespace MergeTasks.Bench.Study;

/// <summary>What a model scores on each item of half a set.</summary>
/// <param name="Nll">Mean −ln p of the item's tokens (of a problem, of the answer's).</param>
/// <param name="Exact">1 where every token of the item is the most probable one, else 0.</param>
internal sealed record ItemScores(double[] Nll, double[] Exact)
{
    /// <summary>Writes an entry of the store.</summary>
    public void Write(string path, ScoreKey key) => SafetensorsWriter.Write(path, key.Metadata,
        [.. new[] { (nameof(Nll), Nll), (nameof(Exact), Exact) }.Select(list =>
            (new TensorSpec(list.Item1, DType.F64, [list.Item2.Length]), (ReadOnlyMemory<byte>)MemoryMarshal.AsBytes<double>(list.Item2).ToArray()))]);

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    public static ItemScores Read(string path)
    {
        using var file = SafetensorsFile.Open(path);
        return new ItemScores(Values(nameof(Nll)), Values(nameof(Exact)));

        double[] Values(string name)
        {
            var tensor = file.Header.Tensors.Single(tensor => tensor.Name == name);
            var values = new double[tensor.ElementCount];
            file.Read(tensor.Offset, MemoryMarshal.AsBytes(values.AsSpan()));
            return values;
        }
    }
}
