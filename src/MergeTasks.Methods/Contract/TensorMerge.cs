namespace MergeTasks.Methods.Contract;

/// <summary>
/// The merge of one tensor: first any passes that gather numbers over the whole tensor, then one pass that computes the output.
/// The tensor comes in blocks of at most <see cref="BlockLength"/> elements, so memory does not depend on its size.
/// </summary>
public abstract class TensorMerge
{
    /// <summary>
    /// Elements of a block; all blocks but the last are full. So few that a method's fp32 buffers stay in the first-level cache;
    /// fixed, because sums over blocks must not depend on anything else.
    /// </summary>
    public const int BlockLength = 2048;

    /// <summary>How many blocks a tensor has.</summary>
    public static long BlockCount(long elements) => (elements + BlockLength - 1) / BlockLength;

    /// <summary>Whether blocks must come in order, one at a time (a sequential random generator).</summary>
    public virtual bool IsSequential => false;

    /// <summary>Index of the input that the output equals, where no arithmetic is needed.</summary>
    public virtual int? CopyOf => null;

    /// <summary>Announces pass number <paramref name="pass"/>.</summary>
    /// <returns>How many numbers <see cref="Analyze"/> yields per block; -1: no more passes.</returns>
    public virtual int BeginPass(int pass) => -1;

    /// <summary>In the pass begun last, only every so many-th block is looked at, from the first on.</summary>
    public virtual int Stride => 1;

    /// <summary>Looks at one block in a pass; called from several threads, in any order unless <see cref="IsSequential"/>.</summary>
    /// <param name="pass">The pass.</param>
    /// <param name="block">The inputs.</param>
    /// <param name="partials">The block's numbers, zero at first; kept until the pass ends.</param>
    public virtual void Analyze(int pass, MergeBlock block, Span<double> partials) => throw new NotSupportedException();

    /// <summary>Ends a pass.</summary>
    /// <param name="pass">The pass.</param>
    /// <param name="partials">The numbers of all blocks that were looked at, block by block.</param>
    public virtual void EndPass(int pass, double[] partials)
    {
    }

    /// <summary>Computes one block of the output; called from several threads, in any order unless <see cref="IsSequential"/>.</summary>
    public abstract void Merge(MergeBlock block);

    /// <summary>
    /// Computes a block again in fp64, with one rounding at the end, because a result of <see cref="Merge"/> is no finite fp32 number: some
    /// number on the way may have been too large for fp32 although the result is not.
    /// </summary>
    /// <returns><see langword="false"/>: the merge has no such way.</returns>
    internal virtual bool TryMergeWide(MergeBlock block) => false;

    /// <summary>Sums one of the numbers of a pass over all blocks, in the order of the blocks.</summary>
    protected static double Sum(double[] partials, int perBlock, int which)
    {
        var sum = 0.0;
        for (var i = which; i < partials.Length; i += perBlock)
            sum += partials[i];
        return sum;
    }
}
