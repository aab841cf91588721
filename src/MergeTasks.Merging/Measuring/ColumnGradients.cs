using System.Numerics.Tensors;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Merging.Measuring;

/// <summary>Sums |∂L/∂W| per input channel of every module, divided by the module's outputs.</summary>
internal sealed class ColumnGradients : IGradientReceiver
{
    private readonly Dictionary<string, (ModuleDescription Module, double[] Sums)[]> _weights;

    // One module of a weight, or of each place of a stack of matrices.
    public ColumnGradients(IEnumerable<ModuleDescription> modules) =>
        _weights = modules.GroupBy(module => module.Weight).ToDictionary(
            places => places.Key,
            places =>
                places.DistinctBy(module => module.Place)
                    .OrderBy(module => module.Place)
                    .Select(module => (module, new double[module.InputChannels]))
                    .ToArray(),
            StringComparer.Ordinal);

    public void Receive(in GradientPiece piece)
    {
        if (!_weights.TryGetValue(piece.Parameter, out var places))
            return;
        if (places[0].Module.Place is null)
        {
            Add(places[0].Module, places[0].Sums, [.. piece.Shape], piece.FirstRow, piece.Values);
            return;
        }

        var shape = piece.Shape.Skip(1).ToArray();
        var size = (int)shape.ElementCount();
        for (var place = 0; place * size < piece.Values.Length; place++)
        {
            var (module, sums) = places[piece.FirstRow + place];
            Add(module, sums, shape, 0, piece.Values.Slice(place * size, size));
        }
    }

    /// <summary>The sums by module.</summary>
    public IEnumerable<(string Module, double[] Values)> Sums =>
        _weights.Values.SelectMany(places => places).Select(place => (place.Module.Name, place.Sums));

    private static void Add(ModuleDescription module, double[] sums, long[] shape, long firstRow, ReadOnlySpan<float> gradient)
    {
        var rowLength = gradient.Length == 0 ? 1 : (int)shape.RowLength();
        var isVector = shape.Length == 1;
        var outputs = isVector ? 1.0 : module.StoredByInput ? shape[1] : shape[0];
        for (var row = 0; row * rowLength < gradient.Length; row++)
        {
            var values = gradient.Slice(row * rowLength, rowLength);
            if (isVector || module.StoredByInput)
            {
                sums[firstRow + row] += TensorPrimitives.SumOfMagnitudes(values) / outputs;
                continue;
            }

            for (var column = 0; column < values.Length; column++)
                sums[column] += Math.Abs(values[column]) / outputs;
        }
    }
}
