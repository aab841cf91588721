using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Torch.Blocks;

/// <summary>A convolution of each channel by itself over a position and those before it, as a sum over shifted rows.</summary>
internal sealed class DeviceConvolution
{
    private readonly ConvolutionSpec _spec;
    private readonly DeviceParameter _weight;
    private readonly DeviceParameter? _bias;

    /// <summary>Binds the parameters.</summary>
    public DeviceConvolution(ConvolutionSpec spec, ModelPart part)
    {
        _spec = spec;
        _weight = part.Get(spec.Weight, spec.Channels, 1, spec.Length);
        _bias = spec.Bias is null ? null : part.Get(spec.Bias, spec.Channels);
    }

    /// <summary>
    /// [sequences, length, channels] to the same. Padding comes after the sequences' own rows, so that these do not see it.
    /// </summary>
    public Tensor Forward(Tensor x)
    {
        var length = x.shape[1];
        var taps = _weight.Value.to_type(ScalarType.Float32).squeeze(1);
        var before = zeros([x.shape[0], _spec.Length - 1, x.shape[2]], ScalarType.Float32, x.device);
        var all = cat([before, x], 1);
        var y = Enumerable.Range(0, _spec.Length)
            .Select(tap => all.narrow(1, tap, length) * taps.select(1, tap))
            .Aggregate((sum, next) => sum + next);
        return _bias is null ? y : y + _bias.Value;
    }
}
