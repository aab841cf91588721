using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Blocks;
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
    private readonly Dictionary<(bool Causal, int? Window, int? Chunk), Tensor?> _masks = [];
    private readonly Dictionary<PositionBiasSpec, Tensor> _biases = [];
    private readonly bool _hides;
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
        _hides = _sequences.Any(sequence => sequence.Hidden is not null);
        if (_sequences.All(sequence => sequence.Length == Length))
            return;
        _slots = Own(
            tensor([
                .. _sequences.SelectMany((sequence, i) =>
                    Enumerable.Range(0, sequence.Length).Select(position => (long)i * Length + position))
            ]));
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

    /// <summary>[rows, channels] to [sequences, length, channels]; padding repeats a sequence's last row.</summary>
    public Tensor BySequence(Tensor rows) => Padded(rows.unsqueeze(1)).squeeze(1);

    /// <summary>[sequences, length, channels] to [rows, channels].</summary>
    public Tensor Unpadded(Tensor padded) => Packed(padded.unsqueeze(1));

    /// <summary>
    /// Whether all that hides keys is that they come later, so that no mask is needed beside that rule; padding comes last.
    /// </summary>
    public bool IsCausalAlone(AttentionSpec spec) => spec.Causal && !_hides && WindowOf(spec) is null && ChunkOf(spec) is null;

    /// <summary>
    /// What is added to scores [sequences, heads, queries, keys]: a large negative number where a key is not seen; of length 1 where it is
    /// the same for all; null: all are seen.
    /// </summary>
    public Tensor? Mask(AttentionSpec spec)
    {
        var rules = (spec.Causal, WindowOf(spec), ChunkOf(spec));
        if (!_masks.TryGetValue(rules, out var mask))
            _masks.Add(rules, mask = MakeMask(spec.Causal, rules.Item2, rules.Item3));
        return mask;
    }

    /// <summary>What is added to scores by distance where that is not learned, [heads, queries, keys].</summary>
    public Tensor Bias(AttentionSpec spec)
    {
        if (_biases.TryGetValue(spec.Bias!, out var known))
            return known;
        using var scope = NewDisposeScope();
        var byDistance = PositionBias.ByDistance(spec.Bias!, spec.Heads, Length, () => []);
        var values = new float[spec.Heads * Length * Length];
        for (var head = 0; head < spec.Heads; head++)
            for (var query = 0; query < Length; query++)
                PositionBias.Part(byDistance[head], query, 0, Length).CopyTo(values.AsSpan((head * Length + query) * Length));
        return _biases[spec.Bias!] = Own(tensor(values).reshape(spec.Heads, Length, Length));
    }

    /// <summary>1 where a distance is of a class and 0 elsewhere, [queries · keys, classes].</summary>
    public Tensor Classes(DistanceTableSpec spec)
    {
        if (_biases.TryGetValue(spec, out var known))
            return known;
        using var scope = NewDisposeScope();
        var values = new float[Length * Length * spec.Classes];
        for (var query = 0; query < Length; query++)
            for (var key = 0; key < Length; key++)
                values[(query * Length + key) * spec.Classes + spec.ClassOf(key - query)] = 1;
        return _biases[spec] = Own(tensor(values).reshape(Length * Length, spec.Classes));
    }

    /// <summary>A number for each row by its position, [rows, 1, 1].</summary>
    public Tensor ByPosition(Func<int, double> number) =>
        tensor([.. _sequences.SelectMany(sequence => Enumerable.Range(0, sequence.Length).Select(position => (float)number(position)))])
            .to(_device)
            .reshape(Rows, 1, 1);

    /// <summary>1 for tokens and 0 for padding that was given, [rows, 1]; null where there is none.</summary>
    public Tensor? Tokens() => !_hides ? null : tensor([.. _sequences.SelectMany(sequence =>
        Enumerable.Range(0, sequence.Length).Select(position => sequence.Hidden?[position] == true ? 0f : 1))]).to(_device).unsqueeze(1);

    /// <summary>
    /// Scores [sequences, heads, queries, keys] with padding hidden as keys; as a query, padding that was given sees all positions of its
    /// sequence alike.
    /// </summary>
    public Tensor PaddingSeesAll(Tensor scores)
    {
        var keys = arange(Length, ScalarType.Int64, _device);
        if (_hides)
        {
            var hidden = HiddenKeys(keys);
            scores = scores.masked_fill(hidden.reshape(Count, 1, 1, Length), Unseen).masked_fill(hidden.reshape(Count, 1, Length, 1), 0);
        }

        if (_rowOfSlot is null)
            return scores;
        var lengths = tensor([.. _sequences.Select(sequence => (long)sequence.Length)], device: _device).unsqueeze(1);
        return scores.masked_fill((keys.unsqueeze(0) >= lengths).reshape(Count, 1, 1, Length), Unseen);
    }

    /// <summary>The share of each position in its sequence's mean, 0 for padding, [sequences, 1, length, 1].</summary>
    public Tensor Shares() => tensor([.. _sequences.SelectMany(sequence =>
    {
        var seen = sequence.Length - (sequence.Hidden?.Count(hidden => hidden) ?? 0);
        return Enumerable.Range(0, Length)
            .Select(position => position < sequence.Length && sequence.Hidden?[position] != true ? 1f / seen : 0);
    })]).to(_device).reshape(Count, 1, Length, 1);

    /// <summary>Cosines and sines [rows, 1, pairs] of the rows' positions, computed in double precision.</summary>
    public (Tensor Cosines, Tensor Sines) Rotation(RopeSpec spec)
    {
        if (_rotations.TryGetValue(spec, out var known))
            return known;
        using var scope = NewDisposeScope();
        var pairs = spec.Frequencies.Length;
        var cosines = new float[Rows * pairs];
        var sines = new float[Rows * pairs];
        var tables = _sequences.Select(sequence => sequence.Length)
            .Distinct()
            .ToDictionary(length => length, length => new Rotation(spec, length));
        foreach (var sequence in _sequences)
        {
            var table = tables[sequence.Length];
            table.Cosines.CopyTo(cosines.AsSpan((sequence.Start - FirstRow) * pairs));
            table.Sines.CopyTo(sines.AsSpan((sequence.Start - FirstRow) * pairs));
        }

        return _rotations[spec] = (Own(tensor(cosines).reshape(Rows, 1, pairs)), Own(tensor(sines).reshape(Rows, 1, pairs)));
    }

    /// <inheritdoc/>
    public void Dispose() => _owned.ForEach(owned => owned.Dispose());

    // A window that holds the longest sequence hides nothing.
    private int? WindowOf(AttentionSpec spec) => spec.Window < Length ? spec.Window : null;

    private int? ChunkOf(AttentionSpec spec) => spec.Chunk < Length ? spec.Chunk : null;

    private Tensor? MakeMask(bool isCausal, int? window, int? chunk)
    {
        using var scope = NewDisposeScope();
        var keys = arange(Length, ScalarType.Int64, _device);
        var queries = keys.unsqueeze(1);
        var unseen = new List<Tensor>();
        if (isCausal)
            unseen.Add((keys > queries).reshape(1, 1, Length, Length));
        if (window is { } seen)
        {
            unseen.Add((keys <= queries - seen).reshape(1, 1, Length, Length));
            if (!isCausal)
                unseen.Add((keys >= queries + seen).reshape(1, 1, Length, Length));
        }

        if (chunk is { } size)
        {
            var pieces = tensor([.. Enumerable.Range(0, Length).Select(position => (long)(position / size))]).to(_device);
            unseen.Add((pieces != pieces.unsqueeze(1)).reshape(1, 1, Length, Length));
        }

        // Where later keys are hidden, padding is hidden from all but itself, and comes to nothing.
        if (_hides || (_rowOfSlot is not null && !isCausal))
            unseen.Add(HiddenKeys(keys).reshape(Count, 1, 1, Length));
        if (unseen.Count == 0)
            return null;
        var all = unseen.Aggregate((one, other) => one.logical_or(other));
        return Keep(zeros(all.shape, ScalarType.Float32, _device).masked_fill(all, Unseen));
    }

    // [sequences, keys]
    private Tensor HiddenKeys(Tensor keys)
    {
        var lengths = tensor([.. _sequences.Select(sequence => (long)sequence.Length)], device: _device).unsqueeze(1);
        var padding = keys.unsqueeze(0) >= lengths;
        if (!_hides)
            return padding;
        var hidden = new bool[Count * Length];
        foreach (var (i, sequence) in _sequences.Index())
            sequence.Hidden?.CopyTo(hidden, i * Length);
        return padding.logical_or(tensor(hidden, [Count, Length], device: _device));
    }

    private Tensor Own(Tensor tensor) => Keep(tensor.to(_device));

    private Tensor Keep(Tensor tensor)
    {
        var owned = tensor.DetachFromDisposeScope();
        _owned.Add(owned);
        return owned;
    }
}
