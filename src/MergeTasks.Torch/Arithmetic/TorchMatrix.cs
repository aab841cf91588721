using MergeTasks.Numerics.Algebra;

namespace MergeTasks.Torch.Arithmetic;

/// <summary>A matrix on the device, in fp64.</summary>
internal sealed class TorchMatrix(Tensor value) : IMatrix
{
    /// <summary>[rows, columns].</summary>
    public Tensor Value { get; private set; } = value;

    public int Rows => (int)Value.shape[0];

    public int Columns => (int)Value.shape[1];

    /// <summary>Takes other elements in place of its own.</summary>
    public void Replace(Tensor value)
    {
        Value.Dispose();
        Value = value;
    }

    public void Dispose() => Value.Dispose();
}
