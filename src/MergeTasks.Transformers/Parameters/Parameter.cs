using MergeTasks.Checkpoints.Elements;
using MergeTasks.Numerics.Products;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Execution;

namespace MergeTasks.Transformers.Parameters;

/// <summary>
/// A parameter in use, or one place of a stack of them: its name in the checkpoint and its numbers as a matrix (a vector is one column).
/// </summary>
internal sealed unsafe class Parameter
{
    private readonly ParameterValue _value;
    private readonly ParameterUses _uses;
    private readonly int? _place;

    /// <summary>Binds a value to a name; element types other than fp32, bf16 and fp16 must have been converted.</summary>
    /// <param name="name">The name.</param>
    /// <param name="value">The numbers.</param>
    /// <param name="uses">Who else uses them.</param>
    /// <param name="place">Which part of the first dimension this is; null: all.</param>
    public Parameter(string name, ParameterValue value, ParameterUses uses, int? place = null)
    {
        Name = name;
        _value = value;
        _uses = uses;
        _place = place;
        var shape = place is null ? value.Shape : [.. value.Shape.Skip(1)];
        Rows = (int)shape[0];
        Columns = (int)shape.Skip(1).Aggregate(1L, (product, size) => product * size);
    }

    /// <summary>The name in the checkpoint.</summary>
    public string Name { get; }

    /// <summary>The numbers, a whole stack's too.</summary>
    public ParameterValue Value => _value;

    /// <summary>First dimension.</summary>
    public int Rows { get; }

    /// <summary>Product of the other dimensions; 1 for a vector.</summary>
    public int Columns { get; }

    /// <summary>The numbers as the right operand of a product, in their own element type.</summary>
    public WeightMatrix Matrix =>
        new(_value.Data is null ? null : _value.Data + First * _value.DType.Size(), Format(_value.DType), Rows, Columns);

    /// <summary>The same parameter, of a use that sees its numbers clamped.</summary>
    /// <param name="limit">To ± this.</param>
    public Parameter Clamped(float limit)
    {
        if (_place is not null)
            throw new NotSupportedException("A place of a stack is not clamped.");
        var values = ToSingles();
        System.Numerics.Tensors.TensorPrimitives.Clamp(values, -limit, limit, values);
        return new Parameter(Name, ParameterValue.FromSingles(_value.Shape, values), _uses);
    }

    private long First => (long)(_place ?? 0) * Rows * Columns;

    /// <summary>All numbers as fp32.</summary>
    public float[] ToSingles()
    {
        var values = new float[(long)Rows * Columns];
        _value.CopyTo(First, values);
        return values;
    }

    /// <summary>Reads one row as fp32.</summary>
    public void ReadRow(int row, Span<float> destination) => _value.CopyTo(First + (long)row * Columns, destination[..Columns]);

    /// <summary>Hands out the gradient of some rows, or of a place of a stack.</summary>
    public void Give(Pass pass, ReadOnlySpan<float> gradient, int firstRow = 0)
    {
        var piece = new GradientPiece { Parameter = Name, Shape = _value.Shape, FirstRow = _place ?? firstRow, Values = gradient };
        if (_uses.Count > 1)
            pass.Shared.Add(piece, _uses.Count, pass.Receiver!);
        else
            pass.Receiver!.Receive(piece);
    }

    private static WeightFormat Format(DType dtype) => dtype switch
    {
        DType.BF16 => WeightFormat.BFloat16,
        DType.F16 => WeightFormat.Float16,
        _ => WeightFormat.Float32,
    };
}
