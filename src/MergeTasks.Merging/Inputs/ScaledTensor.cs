using System.Numerics.Tensors;
using MergeTasks.Checkpoints.Elements;

namespace MergeTasks.Merging.Inputs;

/// <summary>A tensor with every element multiplied by a factor, as it is read.</summary>
/// <param name="content">The tensor.</param>
/// <param name="factor">The factor.</param>
internal sealed class ScaledTensor(TensorContent content, float factor) : TensorContent
{
    public override DType DType => DType.F32;

    public override TensorReader NewReader(WindowMemory memory) => new Reader(content.NewReader(memory), factor);

    private sealed class Reader(TensorReader inner, float factor) : TensorReader
    {
        public override void Read(long start, Span<float> destination, long until)
        {
            inner.Read(start, destination, until);
            TensorPrimitives.Multiply(destination, factor, destination);
        }
    }
}
