using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Selecting;

namespace MergeTasks.Methods.Sparsifying;

/// <summary>
/// Drops a delta's largest and smallest elements. With n elements, a = ⌊density·n⌋ are kept: of all in descending order of magnitude (of
/// equal ones the lower flat index first) those after the first t = ⌊gamma·n⌋, or the last a where fewer than a follow. A density of 1
/// keeps everything.
/// In compatibility mode of equal magnitudes the higher flat index comes first, because mergekit sorts in ascending order.
/// </summary>
internal sealed class BreadcrumbsSparsifier : ISparsifier
{
    private readonly MagnitudePasses _passes;

    public BreadcrumbsSparsifier(TensorContext context) =>
        _passes = new MagnitudePasses(
            context,
            [.. context.ModelIndices().SelectMany(i => Counts(context, context.Inputs[i]["density"], context.Inputs[i]["gamma"]))],
            lastFirst: context.CompatibleDType is not null);

    public IEnumerable<SelectionPass> Passes() => _passes.Passes().Select(pass => pass with
    {
        Analyze = (model, block, delta) =>
        {
            pass.Analyze(2 * model, block, delta);
            pass.Analyze((2 * model) + 1, block, delta);
        },
    });

    public void Mask(int model, MergeBlock block, Span<float> delta)
    {
        Span<float> largest = stackalloc float[TensorMerge.BlockLength];
        largest = largest[..delta.Length];
        delta.CopyTo(largest);
        _passes.Selections[2 * model].Mask(block.Index, delta);
        _passes.Selections[(2 * model) + 1].Mask(block.Index, largest);
        for (var i = 0; i < delta.Length; i++)
            delta[i] = largest[i] == 0 ? delta[i] : 0;
    }

    // How many of the largest are kept or too large, and how many are too large.
    private static long[] Counts(TensorContext context, double density, double gamma)
    {
        var elements = context.ElementCount;
        if (density >= 1)
            return [elements, 0];
        var (kept, top) = ((long)(density * elements), (long)(gamma * elements));
        top = Math.Min(top, elements - kept);
        return [kept + top, top];
    }
}
