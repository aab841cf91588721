using MergeTasks.Checkpoints;
using MergeTasks.Merging.Methods;
using MergeTasks.Merging.Planning;

namespace MergeTasks.Merging.Importance;

/// <summary>Reads what fine-tuning changed, Δ = θ_i − θ_b, in fp32 and piece by piece. One object per thread.</summary>
/// <param name="tuned">θ_i.</param>
/// <param name="basis">θ_b.</param>
/// <param name="castTo">A type that both are rounded to first, as compatibility mode does; <see langword="null"/> for none.</param>
internal sealed class DeltaReader(ModelInput tuned, ModelInput basis, DType? castTo)
{
    private byte[] _bytes = [];
    private float[] _base = [];

    /// <summary>Fills <paramref name="delta"/> from an element on.</summary>
    public void Read(string tensor, long start, Span<float> delta)
    {
        if (_base.Length < delta.Length)
            _base = new float[delta.Length];
        var subtracted = _base.AsSpan(0, delta.Length);
        Read(basis, tensor, start, subtracted);
        Read(tuned, tensor, start, delta);
        BlockMath.Subtract(delta, subtracted);
    }

    private void Read(ModelInput model, string tensor, long start, Span<float> values)
    {
        var dtype = model.Find(tensor)!.DType;
        var length = values.Length * dtype.Size();
        if (_bytes.Length < length)
            _bytes = new byte[length];
        var bytes = _bytes.AsSpan(0, length);
        model.Weights.Read(tensor, start * dtype.Size(), bytes);
        ElementConversion.ToSingle(dtype, bytes, values);
        if (castTo is { } cast && cast != dtype)
            ElementConversion.Round(cast, values);
    }
}
