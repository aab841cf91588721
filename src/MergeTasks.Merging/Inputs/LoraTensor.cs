using MergeTasks.Checkpoints.Elements;

namespace MergeTasks.Merging.Inputs;

/// <summary>W + s·B·A, computed as it is read. The factors are loaded once for all threads, when the first element is read.</summary>
/// <param name="weight">W.</param>
/// <param name="change">Loads s·B·A.</param>
internal sealed class LoraTensor(TensorContent weight, Func<LowRankProduct> change) : TensorContent
{
    private readonly Lazy<LowRankProduct> _change = new(change);

    public override DType DType => DType.F32;

    public override TensorReader NewReader(WindowMemory memory) => new Reader(weight.NewReader(memory), _change);

    private sealed class Reader(TensorReader weight, Lazy<LowRankProduct> change) : TensorReader
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
