using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Transformers.Blocks;

/// <summary>Which row of each table every position of a batch looks up.</summary>
internal sealed class EmbeddingRows
{
    /// <summary>Checks a batch against the tables and numbers its positions.</summary>
    /// <exception cref="ModelException"><see cref="ModelError.BadInput"/>.</exception>
    public EmbeddingRows(EmbeddingSpec spec, TokenBatch batch)
    {
        Tokens = new int[batch.Rows];
        Positions = new int[batch.Rows];
        Types = new int[batch.Rows];
        for (var i = 0; i < batch.Sequences.Count; i++)
        {
            var sequence = batch.Sequences[i];
            var start = batch.Start(i);
            if (sequence.Attended is { } attended && !attended.Contains(true))
                throw Bad($"sequence {i} consists of padding only; at least one position must hold a token");
            if (sequence.Types is not null && spec.Types is null)
                throw Bad($"sequence {i} has token types, which this model does not distinguish");
            var counted = 0;
            for (var position = 0; position < sequence.Ids.Count; position++)
            {
                Tokens[start + position] = Checked(sequence.Ids[position], spec.Vocabulary, $"sequence {i}: token id", "the vocabulary");
                if (spec.LayerTable is { } table)
                    Checked(sequence.Ids[position], table.Rows, $"sequence {i}: token id", "the table of per-layer vectors");
                Positions[start + position] = PositionRow(spec.Positions, i, sequence, position, ref counted);
                if (sequence.Types is { } types)
                    Types[start + position] = Checked(
                        types[position], spec.Types!.Value.Rows, $"sequence {i}: token type", "the model's types");
            }
        }
    }

    /// <summary>Rows of the token table.</summary>
    public int[] Tokens { get; }

    /// <summary>Rows of the position table.</summary>
    public int[] Positions { get; }

    /// <summary>Rows of the table of token types.</summary>
    public int[] Types { get; }

    private static int PositionRow(PositionTableSpec? table, int number, TokenSequence sequence, int position, ref int counted)
    {
        if (table is null)
            return 0;
        var row = table.First + position;
        if (table.CountedFrom is { } padding)
            row = sequence.Ids[position] == padding ? padding : padding + ++counted;
        var most = table.Rows - (table.CountedFrom is { } before ? before + 1 : table.First);
        return row < table.Rows
            ? row
            : throw Bad($"sequence {number} has {sequence.Ids.Count} tokens; the model's position table holds {most}");
    }

    private static int Checked(int value, int count, string what, string of) =>
        value >= 0 && value < count ? value : throw Bad($"{what} {value} lies outside {of} (0 to {count - 1})");

    private static ModelException Bad(string message) => new(ModelError.BadInput, $"The model cannot take this input: {message}.");
}
