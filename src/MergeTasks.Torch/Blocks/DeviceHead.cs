using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Torch.Blocks;

/// <summary>What follows the last layer: a norm, perhaps a matrix with a function and a norm, and the output.</summary>
internal sealed class DeviceHead
{
    private readonly HeadSpec _spec;
    private readonly DeviceStreamMaps? _streams;
    private readonly DeviceNorm? _norm;
    private readonly DeviceLinear? _dense;
    private readonly DeviceNorm? _denseNorm;
    private readonly DeviceLinear _output;
    private readonly string[] _denseName;
    private readonly string[] _outputName;

    /// <summary>Binds the parameters.</summary>
    public DeviceHead(HeadSpec spec, ModelPart part)
    {
        _spec = spec;
        Part = part;
        _streams = spec.Streams is null ? null : new DeviceStreamMaps(spec.Streams, part);
        _norm = DeviceNorm.Of(spec.Norm, part);
        _dense = spec.Dense is null ? null : new DeviceLinear(spec.Dense, part);
        _denseNorm = DeviceNorm.Of(spec.DenseNorm, part);
        _output = new DeviceLinear(spec.Output, part);
        _denseName = _dense is null ? [] : [_dense.Name];
        _outputName = [_output.Name];
    }

    /// <summary>The parameters.</summary>
    public ModelPart Part { get; }

    /// <summary>
    /// The output's matrix where it is the token table, whose gradient is not complete before that of the look-ups; else null.
    /// </summary>
    public DeviceParameter? Tied => _spec.Output.Weight == _spec.Output.Module + ".weight" ? null : _output.Weight;

    /// <summary>The output's input for some rows of the last layer's result.</summary>
    /// <param name="pass">The run.</param>
    /// <param name="x">The rows.</param>
    /// <param name="rowsOf">The batch's row of each.</param>
    public Tensor Forward(DevicePass pass, Tensor x, Func<int[]> rowsOf)
    {
        var one = _streams?.Collapse(pass, x, rowsOf) ?? x;
        var h = _norm?.Forward(pass, one, rowsOf) ?? one;
        if (_dense is not null)
        {
            pass.Observe(_denseName, h, rowsOf);
            h = DeviceFunctions.Apply(_spec.DenseActivation, _dense.Forward(pass, h));
        }

        h = _denseNorm?.Forward(pass, h, rowsOf) ?? h;
        pass.Observe(_outputName, h, rowsOf);
        return h;
    }

    /// <summary>The scores of all outcomes.</summary>
    public Tensor Scores(DevicePass pass, Tensor h) => DeviceFunctions.Capped(Scaled(_output.Forward(pass, h)), _spec.ScoreCap);

    private Tensor Scaled(Tensor scores) => _spec.ScoreFactor == 1 ? scores : scores * _spec.ScoreFactor;
}
