using MergeTasks.Checkpoints.Elements;

namespace MergeTasks.Merging.Inputs;

/// <summary>
/// A tensor and what an adapter adds to it (W + s·B·A), computed as it is read. The factors are loaded once for all threads, when the first
/// element is read.
/// </summary>
/// <param name="weight">W.</param>
/// <param name="change">Loads what is added.</param>
internal sealed class LoraTensor(TensorContent weight, Func<AddedValues> change) : TensorContent
{
    private readonly Lazy<AddedValues> _change = new(change);

    public override DType DType => DType.F32;

    public override TensorReader NewReader(WindowMemory memory) => new Reader(weight.NewReader(memory), _change);

    private sealed class Reader(TensorReader weight, Lazy<AddedValues> change) : TensorReader
    {
        private float[] _sums = [];

        public override void Read(long start, Span<float> destination, long until)
        {
            if (_sums.Length < destination.Length)
                _sums = new float[destination.Length];
            weight.Read(start, destination, until);
            change.Value.AddTo(start, destination, _sums);
        }
    }
}
