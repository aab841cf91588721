using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MergeTasks.Merging.Inputs;
using MergeTasks.Methods.Kernels;
using MergeTasks.Numerics.Threads;

namespace MergeTasks.Merging.Measuring;

/// <summary>Compares tensors with a base's in one pass, block by block. The sums do not depend on the number of threads.</summary>
internal static class WeightComparison
{
    private const int BlockLength = 1 << 15;

    /// <summary>Compares one tensor.</summary>
    /// <param name="tensor">What to call it.</param>
    /// <param name="elements">Elements of each content.</param>
    /// <param name="baseTensor">θ_b.</param>
    /// <param name="models">θ_i.</param>
    /// <param name="team">Threads.</param>
    /// <exception cref="Checkpoints.Elements.CheckpointException">A file cannot be read, or became shorter.</exception>
    public static WeightChange Of(
        string tensor, long elements, TensorContent baseTensor, IReadOnlyList<TensorContent> models, WorkerTeam team)
    {
        var readers = Enumerable.Range(0, team.Count).Select(_ => new Lazy<Readers>(() => new Readers(baseTensor, models))).ToArray();
        var blocks = (elements + BlockLength - 1) / BlockLength;
        var parts = new double[blocks][];
        team.Run(blocks, sequential: false, (worker, block) =>
        {
            var start = block * BlockLength;
            parts[block] = readers[worker].Value.Compare(start, (int)Math.Min(BlockLength, elements - start)).Pack();
        });
        return blocks == 0
            ? WeightChange.Unpack(tensor, new double[2 + (4 * models.Count) + (3 * (models.Count * (models.Count - 1) / 2))], models.Count)
            : WeightChange.Sum(tensor, [.. parts.Select(part => WeightChange.Unpack(tensor, part, models.Count))]);
    }

    // One thread's.
    private sealed class Readers
    {
        private readonly TensorReader _base;
        private readonly TensorReader[] _models;
        private readonly float[] _origin = new float[BlockLength];
        private readonly float[][] _deltas;

        public Readers(TensorContent baseTensor, IReadOnlyList<TensorContent> models)
        {
            _base = baseTensor.NewReader(new WindowMemory());
            _models = [.. models.Select(model => model.NewReader(new WindowMemory()))];
            _deltas = [.. models.Select(_ => new float[BlockLength])];
        }

        public WeightChange Compare(long start, int count)
        {
            var origin = _origin.AsSpan(0, count);
            _base.Read(start, origin, start + count);
            var (models, pairs) = (new ModelChange[_models.Length], new List<PairChange>());
            for (var i = 0; i < models.Length; i++)
            {
                var delta = _deltas[i].AsSpan(0, count);
                _models[i].Read(start, delta, start + count);
                BlockMath.Subtract(delta, origin);
                models[i] = new ModelChange(
                    CountChanged(delta), BlockSums.Product(delta, delta), BlockSums.Product(origin, delta), Largest(delta));
            }

            for (var i = 0; i < models.Length; i++)
            {
                for (var j = i + 1; j < models.Length; j++)
                {
                    ReadOnlySpan<float> one = _deltas[i].AsSpan(0, count), other = _deltas[j].AsSpan(0, count);
                    var (shared, opposed) = Signs(one, other);
                    pairs.Add(new PairChange(BlockSums.Product(one, other), shared, opposed));
                }
            }

            return new WeightChange("", count, BlockSums.Product(origin, origin), models, pairs);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static long CountChanged(ReadOnlySpan<float> delta)
    {
        var (count, i) = (0L, 0);
        for (; i <= delta.Length - Vector512<float>.Count; i += Vector512<float>.Count)
            count += Vector512<float>.Count
                - BitOperations.PopCount(
                    Vector512.Equals(Vector512.Create(delta[i..]), Vector512<float>.Zero).ExtractMostSignificantBits());
        for (; i < delta.Length; i++)
            count += delta[i] != 0 ? 1 : 0;
        return count;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static double Largest(ReadOnlySpan<float> delta)
    {
        var largest = 0f;
        foreach (var value in delta)
            largest = MathF.Max(largest, MathF.Abs(value));
        return largest;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static (long Shared, long Opposed) Signs(ReadOnlySpan<float> one, ReadOnlySpan<float> other)
    {
        var (shared, opposed, i) = (0L, 0L, 0);
        var zero = Vector512<float>.Zero;
        for (; i <= one.Length - Vector512<float>.Count; i += Vector512<float>.Count)
        {
            var (a, b) = (Vector512.Create(one[i..]), Vector512.Create(other[i..]));
            var (upA, downA) = (Vector512.GreaterThan(a, zero), Vector512.LessThan(a, zero));
            var (upB, downB) = (Vector512.GreaterThan(b, zero), Vector512.LessThan(b, zero));
            shared += BitOperations.PopCount(((upA | downA) & (upB | downB)).ExtractMostSignificantBits());
            opposed += BitOperations.PopCount(((upA & downB) | (downA & upB)).ExtractMostSignificantBits());
        }

        for (; i < one.Length; i++)
        {
            shared += one[i] != 0 && other[i] != 0 ? 1 : 0;
            opposed += (one[i] > 0 && other[i] < 0) || (one[i] < 0 && other[i] > 0) ? 1 : 0;
        }

        return (shared, opposed);
    }
}
