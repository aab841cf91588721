namespace MergeTasks.Methods.Contract;

/// <summary>One pass over a tensor that gathers numbers.</summary>
/// <param name="Numbers">How many a block yields.</param>
/// <param name="Analyze">Looks at a block; called from several threads, in any order unless the merge is sequential.</param>
/// <param name="End">Gets the numbers of all blocks that were looked at, block by block.</param>
/// <param name="Stride">Only every so many-th block is looked at, from the first on.</param>
internal sealed record TensorPass(int Numbers, TensorPass.Look Analyze, Action<double[]> End, int Stride = 1)
{
    /// <summary>Looks at a block.</summary>
    /// <param name="block">The inputs.</param>
    /// <param name="numbers">The block's numbers, zero at first.</param>
    public delegate void Look(MergeBlock block, Span<double> numbers);
}

/// <summary>A merge whose passes stand in one place, in their order: what a pass finds decides which come after it.</summary>
internal abstract class PassingMerge : TensorMerge
{
    private IEnumerator<TensorPass>? _passes;

    /// <inheritdoc/>
    public sealed override int Stride => _passes!.Current.Stride;

    /// <inheritdoc/>
    public sealed override int BeginPass(int pass) =>
        (_passes ??= Passes().GetEnumerator()).MoveNext() ? _passes.Current.Numbers : -1;

    /// <inheritdoc/>
    public sealed override void Analyze(int pass, MergeBlock block, Span<double> partials) => _passes!.Current.Analyze(block, partials);

    /// <inheritdoc/>
    public sealed override void EndPass(int pass, double[] partials) => _passes!.Current.End(partials);

    /// <summary>The passes; each is run to its end before the next one is asked for, and all before the tensor is merged.</summary>
    protected abstract IEnumerable<TensorPass> Passes();
}
