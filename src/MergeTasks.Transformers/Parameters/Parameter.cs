using MergeTasks.Checkpoints.Elements;
using MergeTasks.Numerics.Products;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Execution;

namespace MergeTasks.Transformers.Parameters;

/// <summary>A parameter in use: its name in the checkpoint and its numbers as a matrix (a vector is one column).</summary>
internal sealed unsafe class Parameter
{
    private readonly ParameterValue _value;

    /// <summary>Binds a value to a name; element types other than fp32, bf16 and fp16 must have been converted.</summary>
    public Parameter(string name, ParameterValue value)
    {
        Name = name;
        _value = value;
        Rows = (int)value.Shape[0];
        Columns = value.Shape.Count == 1 ? 1 : (int)value.Shape[1];
    }

    /// <summary>The name in the checkpoint.</summary>
    public string Name { get; }

    /// <summary>The numbers.</summary>
    public ParameterValue Value => _value;

    /// <summary>First dimension.</summary>
    public int Rows { get; }

    /// <summary>Second dimension; 1 for a vector.</summary>
    public int Columns { get; }

    /// <summary>The numbers as the right operand of a product, in their own element type.</summary>
    public WeightMatrix Matrix => new(_value.Data, Format(_value.DType), Rows, Columns);

    /// <summary>All numbers as fp32.</summary>
    public float[] ToSingles()
    {
        var values = new float[_value.ElementCount];
        _value.CopyTo(0, values);
        return values;
    }

    /// <summary>Reads one row as fp32.</summary>
    public void ReadRow(int row, Span<float> destination) => _value.CopyTo((long)row * Columns, destination[..Columns]);

    /// <summary>Hands out the gradient of some rows.</summary>
    public void Give(Pass pass, ReadOnlySpan<float> gradient, int firstRow = 0) => pass.Receiver!.Receive(new GradientPiece
    {
        Parameter = Name,
        Shape = _value.Shape,
        FirstRow = firstRow,
        Values = gradient,
    });

    private static WeightFormat Format(DType dtype) => dtype switch
    {
        DType.BF16 => WeightFormat.BFloat16,
        DType.F16 => WeightFormat.Float16,
        _ => WeightFormat.Float32,
    };
}
