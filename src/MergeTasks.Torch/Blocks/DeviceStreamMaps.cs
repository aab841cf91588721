using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Torch.Blocks;

/// <summary>From one residual stream to several, or from several to their mean, see <see cref="StreamMapsSpec"/>.</summary>
internal sealed class DeviceStreamMaps(StreamMapsSpec spec, ModelPart part)
{
    private readonly DeviceLinear[] _maps = [.. spec.Maps.Select(map => new DeviceLinear(map, part))];

    /// <summary>One stream to all.</summary>
    public Tensor Expand(DevicePass pass, Tensor x) => cat([x, .. _maps.Select(map => Mapped(pass, map, x, x, null))], 1);

    /// <summary>All streams to their mean.</summary>
    public Tensor Collapse(DevicePass pass, Tensor all, Func<int[]> rowsOf)
    {
        var width = spec.Maps[0].Outputs;
        var first = all.narrow(1, 0, width);
        var sum = first;
        for (var i = 0; i < _maps.Length; i++)
            sum = sum + Mapped(pass, _maps[i], all.narrow(1, (i + 1) * width, width), first, rowsOf);
        return sum / spec.Count;
    }

    private static Tensor Mapped(DevicePass pass, DeviceLinear map, Tensor x, Tensor like, Func<int[]>? rowsOf)
    {
        pass.Observe([map.Name], x, rowsOf);
        var y = map.Forward(pass, x);
        return y * (SquareOf(like).sqrt() / SquareOf(y).clamp(min: StreamMapsSpec.SmallestSquare).sqrt());
    }

    private static Tensor SquareOf(Tensor x) => (x * x).mean([-1], keepdim: true);
}
