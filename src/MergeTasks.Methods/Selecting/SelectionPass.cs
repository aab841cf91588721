using MergeTasks.Methods.Contract;

namespace MergeTasks.Methods.Selecting;

/// <summary>One of the passes over a tensor that find thresholds of selections.</summary>
/// <param name="Analyze">Shows a selection its values of a block; called from several threads.</param>
/// <param name="End">Ends the pass.</param>
/// <param name="Stride">Only every so many-th block is looked at, from the first on.</param>
internal sealed record SelectionPass(SelectionPass.Look Analyze, Action End, int Stride = 1)
{
    /// <summary>Shows a selection, by number, its values of a block.</summary>
    public delegate void Look(int which, MergeBlock block, ReadOnlySpan<float> values);
}
