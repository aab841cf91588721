using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Selecting;

namespace MergeTasks.Methods.Sparsifying;

/// <summary>
/// Keeps the ⌊density·n⌋ elements of largest magnitude, at least one where the density is not 0; of equal magnitudes at the threshold,
/// those of lowest flat index.
/// </summary>
internal sealed class MagnitudeSparsifier(TensorContext context, int capacity = MagnitudePasses.Capacity) : ISparsifier
{
    private readonly MagnitudePasses _passes = new(
        context, [.. context.ModelIndices().Select(i => Kept(context, context.Inputs[i]["density"]))], capacity);

    public IEnumerable<SelectionPass> Passes() => _passes.Passes();

    public void Mask(int model, MergeBlock block, Span<float> delta) => _passes.Selections[model].Mask(block.Index, delta);

    private static long Kept(TensorContext context, double density) =>
        density >= 1 ? context.ElementCount : density <= 0 ? 0 : Math.Max(1, (long)(density * context.ElementCount));
}
