using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Selecting;

namespace MergeTasks.Methods.Sparsifying;

/// <summary>Decides which elements of a task vector (a model's delta to the base) are kept.</summary>
internal interface ISparsifier
{
    /// <summary>
    /// Whether, in compatibility mode, fp16 tensors are masked and scaled in fp32, as the reference does where numbers are drawn.
    /// </summary>
    bool MasksHalfInSingle => false;

    /// <summary>Whether blocks must come in order.</summary>
    bool IsSequential => false;

    /// <summary>
    /// The passes over the tensor that it needs before <see cref="Mask"/>: they look at the models' deltas, each by the model's number.
    /// </summary>
    IEnumerable<SelectionPass> Passes() => [];

    /// <summary>Starts a pass that calls <see cref="Mask"/>.</summary>
    /// <param name="isLast">Whether it is the last such pass over the tensor.</param>
    void BeginMasking(bool isLast)
    {
    }

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
