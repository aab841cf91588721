using MergeTasks.Transformers.Engine;

namespace MergeTasks.Transformers.Execution;

/// <summary>
/// Of each batch, what enters one layer of a model: models that differ from it in later layers only go on from there. Candidates come in
/// the order of their layers, so one layer of each batch is enough, and every layer before it runs once for all of them.
/// </summary>
/// <param name="mostBytes">Bytes that are kept at most; batches beyond that are computed again.</param>
internal sealed class KeptPrefix(long mostBytes) : IDisposable
{
    private readonly Dictionary<TokenBatch, (int Layer, Activation Input)> _kept = new(ReferenceEqualityComparer.Instance);
    private long _bytes;

    /// <summary>The latest input that is known of the layers up to one; <see langword="null"/>: none.</summary>
    public (int Layer, Activation Input)? Find(TokenBatch batch, int layer) =>
        _kept.TryGetValue(batch, out var kept) && kept.Layer <= layer ? (kept.Layer, kept.Input.Share()) : null;

    /// <summary>Keeps the input of a layer, if there is room.</summary>
    public void Keep(TokenBatch batch, int layer, Activation input)
    {
        if (_kept.Remove(batch, out var earlier))
        {
            _bytes -= BytesOf(earlier.Input);
            earlier.Input.Dispose();
        }

        if (_bytes + BytesOf(input) > mostBytes)
            return;
        _bytes += BytesOf(input);
        _kept.Add(batch, (layer, input.Share()));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (_, input) in _kept.Values)
            input.Dispose();
        _kept.Clear();
        _bytes = 0;
    }

    private static long BytesOf(Activation input) => (long)input.Rows * input.Channels * sizeof(float);
}
