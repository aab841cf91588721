using System.Globalization;
using System.Runtime.InteropServices;
using MergeTasks.Caching;
using MergeTasks.Checkpoints.Adapters;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Merging.Inputs;

namespace MergeTasks.Merging.Planning.Adapters;

/// <summary>
/// One factor of a matrix's change: the truncated singular value decomposition, which is the best approximation of its rank (Eckart and
/// Young 1936).
/// </summary>
/// <param name="Module">The change.</param>
/// <param name="IsA">Whether it is A or B.</param>
internal sealed record ExtractedFactor(ExtractedModule Module, bool IsA) : TensorSource(DType.F32)
{
    public override ContentDigest Identity(CancellationToken cancellation) => ContentDigest.Of(string.Create(CultureInfo.InvariantCulture,
        $"extracted 3\n{Module.Tuned.Identity(cancellation)}\n{Module.Base.Identity(cancellation)}\n{Module.Rank} {Module.IsTransposed} {IsA}\n")
        + (Module.Rows is { } rows ? $"rows {ContentDigest.Of(MemoryMarshal.AsBytes(rows.AsSpan()))}\n" : ""));

    public override TensorContent Open() => new TensorInMemory(Module.Take(IsA));
}

/// <summary>
/// One factor of a weighted sum of adapters: their A one below the other, their B side by side, each times weight and scale. The sum of the
/// changes is exactly the product.
/// </summary>
/// <param name="Parts">The adapters that change the module, with their modules and weights.</param>
/// <param name="IsA">Whether it is A or B.</param>
internal sealed record StackedFactor(IReadOnlyList<(AdapterInput Adapter, LoraModule Module, double Weight)> Parts, bool IsA)
    : TensorSource(DType.F32)
{
    public override ContentDigest Identity(CancellationToken cancellation) => ContentDigest.Of(string.Concat(Parts.Select(part =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{part.Adapter.Identity(TensorOf(part.Module).Name, cancellation)} {TensorOf(part.Module).DType} {(IsA ? 1 : part.Weight * part.Module.Scale):R}\n")).Prepend($"stacked 1 {IsA}\n")));

    public override TensorContent Open()
    {
        var rank = checked((int)Parts.Sum(part => part.Module.Rank));
        var side = checked((int)(IsA ? Parts[0].Module.In : Parts[0].Module.Out));
        var values = new float[rank * side];
        var first = 0;
        foreach (var (adapter, module, weight) in Parts)
        {
            var own = adapter.Read(TensorOf(module));
            var count = (int)module.Rank;
            if (IsA)
            {
                own.CopyTo(values, first * side);
            }
            else
            {
                for (var o = 0; o < side; o++)
                {
                    for (var k = 0; k < count; k++)
                        values[(o * rank) + first + k] = (float)(own[(o * count) + k] * weight * module.Scale);
                }
            }

            first += count;
        }

        return new TensorInMemory(values);
    }

    private TensorInfo TensorOf(LoraModule module) => IsA ? module.A : module.B;
}
