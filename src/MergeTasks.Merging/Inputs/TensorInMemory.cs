using MergeTasks.Checkpoints.Elements;

namespace MergeTasks.Merging.Inputs;

/// <summary>A tensor that is computed as a whole when it is opened.</summary>
/// <param name="values">Its elements.</param>
internal sealed class TensorInMemory(float[] values) : TensorContent
{
    public override DType DType => DType.F32;

    public override TensorReader NewReader(WindowMemory memory) => new Reader(values);

    private sealed class Reader(float[] values) : TensorReader
    {
        public override void Read(long start, Span<float> destination, long until) =>
            values.AsSpan(checked((int)start), destination.Length).CopyTo(destination);
    }
}
