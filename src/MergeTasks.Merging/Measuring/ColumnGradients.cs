using MergeTasks.Checkpoints.Elements;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Merging.Measuring;

/// <summary>Sums |∂L/∂W| per input channel of every module, divided by the module's outputs.</summary>
internal sealed class ColumnGradients : IGradientReceiver
{
    private readonly Dictionary<string, (ModuleDescription Module, double[] Sums)> _weights;

    public ColumnGradients(IEnumerable<ModuleDescription> modules) =>
        _weights = modules.DistinctBy(module => module.Weight)
            .ToDictionary(module => module.Weight, module => (module, new double[module.InputChannels]), StringComparer.Ordinal);

    public void Receive(in GradientPiece piece)
    {
        if (!_weights.TryGetValue(piece.Parameter, out var weight))
            return;
        var (module, sums) = weight;
        var rowLength = piece.Values.Length == 0 ? 1 : (int)piece.Shape.RowLength();
        var isVector = piece.Shape.Count == 1;
        var outputs = isVector ? 1.0 : module.StoredByInput ? piece.Shape[1] : piece.Shape[0];
        for (var row = 0; row * rowLength < piece.Values.Length; row++)
        {
            var values = piece.Values.Slice(row * rowLength, rowLength);
            if (isVector || module.StoredByInput)
            {
                sums[piece.FirstRow + row] += System.Numerics.Tensors.TensorPrimitives.SumOfMagnitudes(values) / outputs;
                continue;
            }

            for (var column = 0; column < values.Length; column++)
                sums[column] += Math.Abs(values[column]) / outputs;
        }
    }

    /// <summary>The sums divided by the number of blocks, by module.</summary>
    public IEnumerable<(string, double[])> MeanOver(int blocks) =>
        _weights.Values.Select(weight => (weight.Module.Name, weight.Sums.Select(sum => sum / blocks).ToArray()));
}
