using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Torch.Blocks;

/// <summary>Normalisation of every row: y = x̂ · w + b, where x̂ = (x − mean) / deviation, or x / root mean square.</summary>
internal sealed class DeviceNorm
{
    private readonly NormSpec _spec;
    private readonly DeviceParameter? _weight;
    private readonly DeviceParameter? _bias;
    private readonly string[] _names;

    /// <summary>Binds the parameters.</summary>
    public DeviceNorm(NormSpec spec, ModelPart part)
    {
        _spec = spec;
        _weight = spec.Weighted ? part.Get([spec.OwnWeight ?? spec.Module + ".weight"], spec.Stack, spec.Width) : null;
        _bias = spec.Bias ? part.Get(spec.Module + ".bias", spec.Width) : null;
        _names = _weight is null || spec.OwnWeight is not null ? [] : [_weight.Name[.._weight.Name.LastIndexOf('.')]];
    }

    /// <summary>A norm, where there is one.</summary>
    public static DeviceNorm? Of(NormSpec? spec, ModelPart part) => spec is null ? null : new DeviceNorm(spec, part);

    /// <summary>Computes y over the last dimension and shows x.</summary>
    public Tensor Forward(DevicePass pass, Tensor x, Func<int[]>? rowsOf = null)
    {
        pass.Observe(_names, x, rowsOf);
        using var scope = NewDisposeScope();
        var centred = _spec.Kind == NormKind.Layer ? x - x.mean([-1], keepdim: true) : x;
        var y = centred * ((centred * centred).mean([-1], keepdim: true) + _spec.Epsilon).rsqrt();
        if (_weight is not null)
        {
            var weight = pass.ValueOf(_weight, _spec.Stack?.Index);
            y = y * (_spec.WeightOffset == 0 ? weight : weight + _spec.WeightOffset);
            if (_spec.Factor != 1)
                y = y * _spec.Factor;
        }

        return (_bias is null ? y : y + _bias.Value).MoveToOuterDisposeScope();
    }
}
