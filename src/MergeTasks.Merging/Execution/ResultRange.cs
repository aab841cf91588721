using MergeTasks.Checkpoints.Elements;
using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Kernels;
using MergeTasks.Methods.Selecting;

namespace MergeTasks.Merging.Execution;

/// <summary>
/// Finds the elements of a merged tensor that its type cannot hold as numbers. All of its inputs are finite, so whatever is not is of the
/// merge's own making: it is told, and never written.
/// </summary>
/// <param name="dtype">The output's type.</param>
/// <param name="workers">Threads.</param>
internal sealed class ResultRange(DType dtype, int workers)
{
    private readonly uint _limit = ElementConversion.FirstBeyond(dtype);
    private readonly (long Count, long First, float Value)[] _found = new (long, long, float)[workers];

    /// <summary>Looks at a block that was just merged, and has it merged in fp64 where fp32 was too small for it.</summary>
    /// <param name="merge">What merged it.</param>
    /// <param name="block">The block.</param>
    /// <param name="worker">The thread.</param>
    public void Check(TensorMerge merge, MergeBlock block, int worker)
    {
        if (BlockMath.AreBelow(block.Output, _limit)
            || (!BlockMath.AreFinite(block.Output) && merge.TryMergeWide(block) && BlockMath.AreBelow(block.Output, _limit)))
            return;
        for (var i = 0; i < block.Count; i++)
        {
            if ((BitConverter.SingleToUInt32Bits(block.Output[i]) & MagnitudeBits.Mask) < _limit)
                continue;
            ref var found = ref _found[worker];
            if (found.Count == 0 || block.Start + i < found.First)
                (found.First, found.Value) = (block.Start + i, block.Output[i]);
            found.Count++;
        }
    }

    /// <summary>Call when all blocks have been merged.</summary>
    /// <exception cref="ResultRangeException">The type cannot hold some of them.</exception>
    public void RequireAll()
    {
        var found = _found.Where(own => own.Count > 0).ToList();
        if (found.Count > 0)
            throw new ResultRangeException(
                dtype, found.Sum(own => own.Count), found.MinBy(own => own.First).First, found.MinBy(own => own.First).Value);
    }
}

/// <summary>A merged tensor has elements that its type cannot hold.</summary>
/// <param name="dtype">The type.</param>
/// <param name="count">How many.</param>
/// <param name="element">The first one's flat index.</param>
/// <param name="value">What it is in fp32: a number, or infinity or NaN where fp32 was too small on the way.</param>
internal sealed class ResultRangeException(DType dtype, long count, long element, float value) : Exception
{
    public DType DType => dtype;

    public long Count => count;

    public long Element => element;

    public float Value => value;
}
