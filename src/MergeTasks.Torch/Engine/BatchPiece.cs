using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Execution;

namespace MergeTasks.Torch.Engine;

/// <summary>
/// Some whole sequences of a batch, run at once: their rows, and where each lies when they are padded to one length for the attention.
/// Its tensors live on the device until it is disposed.
/// </summary>
internal sealed class BatchPiece : IDisposable
{
    // Finite, so that a query that sees nothing (padding behind a window) has no NaN, which would spread to gradients.
    private const float Unseen = -1e30f;

    private readonly SequenceRows[] _sequences;
    private readonly Device _device;
    private readonly Dictionary<(bool Causal, int? Window), Tensor?> _masks = [];
    private readonly Dictionary<RopeSpec, (Tensor Cosines, Tensor Sines)> _rotations = [];
    private readonly List<Tensor> _owned = [];
    private readonly Tensor? _slots;
    private readonly Tensor? _rowOfSlot;

    /// <summary>Lays out sequences.</summary>
    /// <param name="layout">The batch.</param>
    /// <param name="first">The first sequence.</param>
    /// <param name="end">The one after the last.</param>
    /// <param name="device">The device.</param>
    public BatchPiece(BatchLayout layout, int first, int end, Device device)
    {
        _device = device;
        _sequences = [.. layout.Sequences.Skip(first).Take(end - first)];
        End = end;
        FirstRow = _sequences[0].Start;
        Rows = _sequences.Sum(sequence => sequence.Length);
        Length = _sequences.Max(sequence => sequence.Length);
        if (_sequences.All(sequence => sequence.Length == Length))
            return;
        _slots = Own(tensor([.. _sequences.SelectMany((sequence, i) => Enumerable.Range(0, sequence.Length).Select(position => (long)i * Length + position))]));
        _rowOfSlot = Own(tensor([.. _sequences.SelectMany(sequence => Enumerable.Range(0, Length).Select(position =>
            (long)sequence.Start - FirstRow + Math.Min(position, sequence.Length - 1)))]));
    }

    /// <summary>The sequence after the last.</summary>
    public int End { get; }

    /// <summary>The first row in the batch.</summary>
    public int FirstRow { get; }

    /// <summary>Number of rows.</summary>
    public int Rows { get; }

    /// <summary>Rows with padding.</summary>
    public int Slots => Count * Length;

    /// <summary>The batch's row of each row.</summary>
    public int[] BatchRows => [.. Enumerable.Range(FirstRow, Rows)];

    /// <summary>Number of sequences.</summary>
    public int Count => _sequences.Length;

    /// <summary>The longest sequence's length, to which all are padded.</summary>
    public int Length { get; }

    /// <summary>[rows, heads, size] to [sequences, heads, length, size]; padding repeats a sequence's last row.</summary>
    public Tensor Padded(Tensor heads)
    {
        var slots = _rowOfSlot is null ? heads : heads.index_select(0, _rowOfSlot);
        return slots.reshape(Count, Length, heads.shape[1], heads.shape[2]).transpose(1, 2);
    }

    /// <summary>[sequences, heads, length, size] to [rows, heads · size].</summary>
    public Tensor Packed(Tensor padded)
    {
        var slots = padded.transpose(1, 2).reshape(Count * Length, padded.shape[1] * padded.shape[3]);
        return _slots is null ? slots : slots.index_select(0, _slots);
    }

    /// <summary>What is added to scores [sequences, …, queries, keys]: a large negative number where a key is not seen; null: all are seen.</summary>
    public Tensor? Mask(AttentionSpec spec)
    {
        if (!_masks.TryGetValue((spec.Causal, spec.Window), out var mask))
            _masks.Add((spec.Causal, spec.Window), mask = MakeMask(spec));
        return mask;
    }

    /// <summary>Cosines and sines [rows, 1, pairs] of the rows' positions, computed in double precision.</summary>
    public (Tensor Cosines, Tensor Sines) Rotation(RopeSpec spec)
    {
        if (_rotations.TryGetValue(spec, out var known))
            return known;
        var pairs = spec.Frequencies.Length;
        var cosines = new float[Rows * pairs];
        var sines = new float[Rows * pairs];
        foreach (var sequence in _sequences)
        {
            var table = new Rotation(spec, sequence.Length);
            table.Cosines.CopyTo(cosines.AsSpan((sequence.Start - FirstRow) * pairs));
            table.Sines.CopyTo(sines.AsSpan((sequence.Start - FirstRow) * pairs));
        }

        return _rotations[spec] = (Own(tensor(cosines).reshape(Rows, 1, pairs)), Own(tensor(sines).reshape(Rows, 1, pairs)));
    }

    /// <inheritdoc/>
    public void Dispose() => _owned.ForEach(owned => owned.Dispose());

    private Tensor? MakeMask(AttentionSpec spec)
    {
        var differ = _rowOfSlot is not null || _sequences.Any(sequence => sequence.Hidden is not null);
        if (!spec.Causal && spec.Window is null && !differ)
            return null;
        var perSequence = differ ? Count : 1;
        var mask = new float[(long)perSequence * Length * Length];
        for (var i = 0; i < perSequence; i++)
            for (var query = 0; query < Length; query++)
                for (var key = 0; key < Length; key++)
                    if (!Sees(spec, query, key) || (differ && (key >= _sequences[i].Length || _sequences[i].Hidden?[key] == true)))
                        mask[((long)i * Length + query) * Length + key] = Unseen;
        return Own(tensor(mask).reshape(perSequence, 1, 1, Length, Length));
    }

    private static bool Sees(AttentionSpec spec, int query, int key) =>
        (!spec.Causal || key <= query) && (spec.Window is not { } window || key > query - window);

    private Tensor Own(Tensor tensor)
    {
        var owned = tensor.to(_device).DetachFromDisposeScope();
        _owned.Add(owned);
        return owned;
    }
}
