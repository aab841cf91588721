using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Torch.Blocks;

/// <summary>out(c · convolution(b · x)), see <see cref="GatedConvolutionSpec"/>.</summary>
internal sealed class DeviceGatedConvolution : DeviceMixer
{
    private readonly DeviceLinear _input;
    private readonly DeviceConvolution _convolution;
    private readonly DeviceLinear _output;
    private readonly int _width;

    /// <summary>Binds the parameters.</summary>
    public DeviceGatedConvolution(GatedConvolutionSpec spec, ModelPart part)
    {
        _input = new DeviceLinear(spec.Input, part);
        _convolution = new DeviceConvolution(spec.Convolution, part);
        _output = new DeviceLinear(spec.Output, part);
        _width = spec.Convolution.Channels;
    }

    /// <inheritdoc/>
    public override Tensor Forward(DevicePass pass, Tensor x)
    {
        using var scope = NewDisposeScope();
        pass.Observe([_input.Name], x);
        var all = _input.Forward(pass, x);
        var product = all.narrow(1, 0, _width) * all.narrow(1, 2 * _width, _width);
        var mixed = pass.Piece.Unpadded(_convolution.Forward(pass.Piece.BySequence(product)));
        var gated = all.narrow(1, _width, _width) * mixed;
        pass.Observe([_output.Name], gated);
        return _output.Forward(pass, gated).MoveToOuterDisposeScope();
    }
}
