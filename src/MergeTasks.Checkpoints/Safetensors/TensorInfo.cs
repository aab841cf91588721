using System.Globalization;
using MergeTasks.Checkpoints.Elements;

namespace MergeTasks.Checkpoints.Safetensors;

/// <summary>One tensor of a safetensors file.</summary>
/// <param name="Name">The tensor's name, such as <c>model.layers.0.mlp.up_proj.weight</c>.</param>
/// <param name="DType">Element type.</param>
/// <param name="Shape">Dimensions, outermost first; empty for a scalar.</param>
/// <param name="Offset">First byte, from the beginning of the file.</param>
internal sealed record TensorInfo(string Name, DType DType, IReadOnlyList<long> Shape, long Offset)
{
    private const int MostShown = 8;

    /// <summary>Number of elements: the product of <see cref="Shape"/>, 1 for a scalar.</summary>
    public long ElementCount { get; } = Shape.ElementCount();

    /// <summary>Bytes of the tensor's data.</summary>
    public long ByteLength => ElementCount * DType.Size();

    /// <summary>The shape as people write it: <c>[192, 512]</c>.</summary>
    public string ShapeText => Shown(Shape);

    /// <summary>A shape as people write it; of one with more dimensions than any model has, the first and their number.</summary>
    public static string Shown(IReadOnlyList<long> shape)
    {
        ArgumentNullException.ThrowIfNull(shape);
        return shape.Count <= MostShown
            ? $"[{string.Join(", ", shape)}]"
            : string.Create(CultureInfo.InvariantCulture, $"[{string.Join(", ", shape.Take(MostShown))}, …] ({shape.Count} dimensions)");
    }
}
