using MergeTasks.Methods.Contract;

namespace MergeTasks.Methods.Sparsifying;

/// <summary>Decides which elements of a task vector (a model's delta to the base) are kept.</summary>
internal interface ISparsifier
{
    /// <summary>
    /// Whether, in compatibility mode, fp16 tensors are masked and scaled in fp32, as the reference does where numbers are drawn.
    /// </summary>
    bool MasksHalfInSingle => false;

    /// <summary>Whether blocks must come in order.</summary>
    bool IsSequential { get; }

    /// <summary>In the pass begun last, only every so many-th block is looked at.</summary>
    int Stride { get; }

    /// <summary>Starts the next of the passes over the tensor that it needs before <see cref="Mask"/>.</summary>
    /// <returns><see langword="false"/>: it needs no more passes.</returns>
    bool BeginPass();

    /// <summary>
    /// Looks at one model's delta of a block in one of its own passes; called from several threads unless <see cref="IsSequential"/>.
    /// </summary>
    void Analyze(int model, MergeBlock block, ReadOnlySpan<float> delta);

    /// <summary>Ends one of its own passes.</summary>
    void EndPass();

    /// <summary>Starts a pass that calls <see cref="Mask"/>.</summary>
    /// <param name="isLast">Whether it is the last such pass over the tensor.</param>
    void BeginMasking(bool isLast);

    /// <summary>Sets the elements of a block's delta that are dropped to zero.</summary>
    void Mask(int model, MergeBlock block, Span<float> delta);

    /// <summary>
    /// Divides what <see cref="Mask"/> has just kept of a model's delta by the probability that it was, where that is asked for.
    /// </summary>
    void Divide(int model, MergeBlock block, Span<float> delta)
    {
    }

    /// <inheritdoc cref="Divide(int, MergeBlock, Span{float})"/>
    void Divide(int model, MergeBlock block, Span<double> delta)
    {
    }
}
