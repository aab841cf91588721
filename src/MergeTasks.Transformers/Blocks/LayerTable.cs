using System.Numerics.Tensors;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Execution;
using MergeTasks.Transformers.Parameters;

namespace MergeTasks.Transformers.Blocks;

/// <summary>A vector of each token for each layer, which the run carries to the layers; see <see cref="LayerTableSpec"/>.</summary>
internal sealed class LayerTable
{
    private readonly LayerTableSpec _spec;
    private readonly Linear _projection;
    private readonly Norm _norm;

    /// <summary>Binds the parameters.</summary>
    public LayerTable(LayerTableSpec spec, ParameterSet parameters)
    {
        _spec = spec;
        Table = parameters.Get(spec.Table, spec.Rows, Width);
        _projection = new Linear(spec.Projection, parameters);
        _norm = new Norm(spec.Norm, parameters);
    }

    /// <summary>The table.</summary>
    public Parameter Table { get; }

    /// <summary>What table rows are multiplied by, in all.</summary>
    public float RowFactor => MathF.Sqrt(_spec.Channels) * Half;

    /// <summary>The modules.</summary>
    public IEnumerable<ModuleDescription> Modules => [_projection.Description, .. _norm.Descriptions];

    private static float Half { get; } = (float)Math.Sqrt(0.5);

    private int Width => _spec.Layers * _spec.Channels;

    private float ProjectionFactor => 1 / MathF.Sqrt(_spec.Projection.Inputs);

    /// <summary>Carries the vectors of all tokens.</summary>
    /// <param name="pass">The run.</param>
    /// <param name="tokens">The tokens.</param>
    /// <param name="x">Their embeddings.</param>
    public void Forward(Pass pass, int[] tokens, Activation x)
    {
        pass.Observe([_projection.Name], x);
        using var projected = _projection.Forward(pass, x);
        TensorPrimitives.Multiply(projected.Values, ProjectionFactor, projected.Values);
        using var parts = projected.ShareAs(x.Rows * _spec.Layers, _spec.Channels);
        using var normalised = _norm.Forward(pass, parts, pass.Observer is null ? null : RowPerLayer(x.Rows));
        using var vectors = normalised.ShareAs(x.Rows, Width);
        pass.ForRows(x.Rows, (first, end) =>
        {
            var own = new float[Width];
            for (var row = first; row < end; row++)
            {
                Table.ReadRow(tokens[row], own);
                TensorPrimitives.Multiply(own, MathF.Sqrt(_spec.Channels), own);
                TensorPrimitives.Add(vectors.Row(row), own, vectors.Row(row));
                TensorPrimitives.Multiply(vectors.Row(row), Half, vectors.Row(row));
            }
        });
        pass.Carried.Give(LayerTableSpec.Carried, vectors);
    }

    /// <summary>Hands out the gradients but the table's, and adds to that of the embeddings.</summary>
    /// <returns>The gradient of the vectors, which is the table's at <see cref="RowFactor"/>; the caller disposes of it.</returns>
    public Activation Backward(Pass pass, Activation dx)
    {
        var dVectors = pass.RentZeros(dx.Rows, Width);
        pass.Carried.AddTo(LayerTableSpec.Carried, dVectors);
        using var dNormalised = pass.Rent(dx.Rows * _spec.Layers, _spec.Channels);
        TensorPrimitives.Multiply(dVectors.Values, Half, dNormalised.Values);
        using var dParts = _norm.Backward(pass, dNormalised);
        using var dProjected = dParts.ShareAs(dx.Rows, Width);
        TensorPrimitives.Multiply(dProjected.Values, ProjectionFactor, dProjected.Values);
        _projection.Backward(pass, dProjected, dx, accumulate: true);
        return dVectors;
    }

    private int[] RowPerLayer(int rows) => [.. Enumerable.Range(0, rows * _spec.Layers).Select(row => row / _spec.Layers)];
}
