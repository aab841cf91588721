using MergeTasks.Transformers.Blocks;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Execution;
using MergeTasks.Transformers.Parameters;

namespace MergeTasks.Transformers.Processor;

/// <summary>A layer of a model larger than memory: its weights are there while it runs, the next one's are read meanwhile.</summary>
/// <param name="layer">The layer.</param>
/// <param name="own">Its weights.</param>
/// <param name="next">Those of the layer after it.</param>
/// <param name="previous">Those of the layer before it.</param>
internal sealed class StreamedLayer(
    Layer layer, IReadOnlyList<ParameterValue> own, IReadOnlyList<ParameterValue> next, IReadOnlyList<ParameterValue> previous) : Layer
{
    /// <inheritdoc/>
    public override IEnumerable<ModuleDescription> Modules => layer.Modules;

    /// <inheritdoc/>
    public override Activation Forward(Pass pass, Activation x)
    {
        MappedPages.Fetch(next);
        var y = layer.Forward(pass, x);
        MappedPages.Release(own);
        return y;
    }

    /// <inheritdoc/>
    public override Activation Backward(Pass pass, Activation dy)
    {
        MappedPages.Fetch(previous);
        var dx = layer.Backward(pass, dy);
        MappedPages.Release(own);
        return dx;
    }
}
