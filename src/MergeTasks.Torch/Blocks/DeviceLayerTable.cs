using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Torch.Blocks;

/// <summary>A vector of each token for each layer, which the run carries to the layers; see <see cref="LayerTableSpec"/>.</summary>
internal sealed class DeviceLayerTable(LayerTableSpec spec, ModelPart tables, ModelPart part)
{
    private readonly DeviceLinear _projection = new(spec.Projection, part);
    private readonly DeviceNorm _norm = new(spec.Norm, part);

    /// <summary>The table.</summary>
    public DeviceParameter Table { get; } = tables.Get(spec.Table, spec.Rows, spec.Layers * spec.Channels);

    /// <summary>Carries the vectors of all tokens.</summary>
    /// <param name="pass">The run.</param>
    /// <param name="x">The tokens' embeddings.</param>
    /// <param name="rows">Their rows of the table.</param>
    public void Forward(DevicePass pass, Tensor x, Tensor rows)
    {
        pass.Observe([_projection.Name], x);
        var parts = (_projection.Forward(pass, x) / Math.Sqrt(spec.Projection.Inputs)).reshape(-1, spec.Channels);
        var normalised = _norm.Forward(
            pass, parts, () => [.. pass.Piece.BatchRows.SelectMany(row => Enumerable.Repeat(row, spec.Layers))]);
        pass.Give(LayerTableSpec.Carried, (normalised.reshape(rows.shape) + rows * Math.Sqrt(spec.Channels)) * Math.Sqrt(0.5));
    }
}
