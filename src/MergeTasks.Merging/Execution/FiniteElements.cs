using System.Runtime.CompilerServices;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Merging.Inputs;
using MergeTasks.Merging.Planning.Tensors;
using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Kernels;

namespace MergeTasks.Merging.Execution;

/// <summary>Refuses NaN and infinity in input tensors.</summary>
internal static class FiniteElements
{
    /// <summary>Checks elements that are at hand.</summary>
    /// <param name="source">Their tensor.</param>
    /// <param name="start">Flat index of the first one.</param>
    /// <param name="values">The elements.</param>
    /// <exception cref="NonFiniteException">One is not finite.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Require(TensorSource source, long start, ReadOnlySpan<float> values)
    {
        if (!BlockMath.AreFinite(values))
            Refuse(source, start, values);
    }

    /// <summary>Checks stored bytes that are at hand.</summary>
    /// <inheritdoc cref="Require(TensorSource, long, ReadOnlySpan{float})"/>
    public static void Require(TensorSource source, long start, DType dtype, ReadOnlySpan<byte> bytes)
    {
        Span<float> values = stackalloc float[TensorMerge.BlockLength];
        while (!bytes.IsEmpty)
        {
            var count = Math.Min(values.Length, bytes.Length / dtype.Size());
            ElementConversion.ToSingle(dtype, bytes[..(count * dtype.Size())], values[..count]);
            Require(source, start, values[..count]);
            bytes = bytes[(count * dtype.Size())..];
            start += count;
        }
    }

    /// <summary>
    /// The first element of the inputs, in their order, that is not finite: whichever of them was met first, the same is told.
    /// </summary>
    /// <exception cref="NonFiniteException">Always, unless the files have changed.</exception>
    public static void RequireAll(TensorPlan plan)
    {
        var values = new float[TensorMerge.BlockLength];
        var elements = plan.Context!.ElementCount;
        foreach (var source in plan.Sources)
        {
            var reader = source.Open().NewReader(new WindowMemory());
            for (var start = 0L; start < elements; start += values.Length)
            {
                var block = values.AsSpan(0, (int)Math.Min(values.Length, elements - start));
                reader.Read(start, block, elements);
                Require(source, start, block);
            }
        }
    }

    private static void Refuse(TensorSource source, long start, ReadOnlySpan<float> values)
    {
        for (var i = 0; i < values.Length; i++)
        {
            if (!float.IsFinite(values[i]))
                throw new NonFiniteException(source, start + i, values[i]);
        }
    }
}
