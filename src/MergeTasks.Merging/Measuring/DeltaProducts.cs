using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Merging.Measuring;

/// <summary>
/// Reduces gradients, as they come out of a backward pass, to the signed inner product ⟨Δ, ∇M⟩ of each unit; the products of several
/// passes add up. Sums are in fp64.
/// </summary>
/// <param name="partition">The units.</param>
/// <param name="deltas">Reads Δ.</param>
internal sealed class DeltaProducts(DeltaPartition partition, DeltaReader deltas) : IGradientReceiver
{
    private readonly Dictionary<string, (DeltaTensor Tensor, double[] Sums)> _tensors =
        partition.Tensors.ToDictionary(tensor => tensor.Name, tensor => (tensor, new double[tensor.Units]), StringComparer.Ordinal);

    // Elements at a time: both models' stored bytes, their values and the gradient's stay in the second-level cache.
    private const int PieceLength = 1 << 14;

    private readonly float[] _delta = new float[PieceLength];
    private readonly ProductSpread _spread = new(partition.Tensors.Count);

    /// <summary>The products by tensor, and what the passes add to those of each tensor where passes were told of.</summary>
    public IEnumerable<(string Name, double[] Values)> Lists =>
        partition.Tensors.Select(tensor => (tensor.Name, _tensors[tensor.Name].Sums)).Concat(_spread.Lists);

    /// <summary>Ends a pass.</summary>
    /// <param name="share">Its share of the samples.</param>
    public void EndPass(double share) =>
        _spread.Add([.. partition.Tensors.Select(tensor => _tensors[tensor.Name].Sums.Sum())], share);

    public void Receive(in GradientPiece piece)
    {
        if (!_tensors.TryGetValue(piece.Parameter, out var entry))
            return;
        var rowLength = piece.Shape.RowLength();
        Add(entry.Tensor, entry.Sums, piece.FirstRow * rowLength, piece.Values);
    }

    /// <summary>Adds the products of some elements of a tensor.</summary>
    public void Add(string tensor, long start, ReadOnlySpan<float> gradient) =>
        Add(_tensors[tensor].Tensor, _tensors[tensor].Sums, start, gradient);

    private void Add(DeltaTensor tensor, double[] sums, long start, ReadOnlySpan<float> gradient)
    {
        for (var done = 0; done < gradient.Length; done += PieceLength)
        {
            var part = gradient.Slice(done, Math.Min(PieceLength, gradient.Length - done));
            var delta = _delta.AsSpan(0, part.Length);
            deltas.Read(tensor.Name, start + done, delta);
            AddPart(tensor, sums, start + done, delta, part);
        }
    }

    private static void AddPart(DeltaTensor tensor, double[] sums, long start, Span<float> delta, ReadOnlySpan<float> gradient)
    {
        for (var i = 0; i < delta.Length;)
        {
            // To the end of the row, which is one unit, or one element of each unit where units are columns.
            var length = (int)Math.Min(delta.Length - i, tensor.Columns - ((start + i) % tensor.Columns));
            if (!tensor.UnitsAreColumns)
                sums[tensor.UnitOf(start + i)] += Product(delta.Slice(i, length), gradient.Slice(i, length));
            else
                AddColumns(sums.AsSpan((int)tensor.UnitOf(start + i), length), delta.Slice(i, length), gradient.Slice(i, length));
            i += length;
        }
    }

    private static void AddColumns(Span<double> sums, Span<float> delta, ReadOnlySpan<float> gradient)
    {
        for (var i = 0; i < sums.Length; i++)
            sums[i] += (double)delta[i] * gradient[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static double Product(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        var sums = Vector512<double>.Zero;
        var i = 0;
        for (; i <= a.Length - Vector512<float>.Count; i += Vector512<float>.Count)
        {
            var (lowA, highA) = Vector512.Widen(Vector512.Create(a[i..]));
            var (lowB, highB) = Vector512.Widen(Vector512.Create(b[i..]));
            sums = Vector512.FusedMultiplyAdd(lowA, lowB, Vector512.FusedMultiplyAdd(highA, highB, sums));
        }

        // Lane by lane, so that the order does not depend on the machine.
        var sum = 0.0;
        for (var lane = 0; lane < Vector512<double>.Count; lane++)
            sum += sums[lane];
        for (; i < a.Length; i++)
            sum += (double)a[i] * b[i];
        return sum;
    }
}
