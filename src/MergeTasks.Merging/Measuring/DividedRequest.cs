using System.Globalization;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Importance;

namespace MergeTasks.Merging.Measuring;

/// <summary>
/// A score of fp64 numbers that is put together from pieces, which machines may compute side by side as entries of their own. Each piece
/// is computed from nothing and the pieces are put together in their order, whether they were in the store or not: so the whole is the
/// same, bit for bit, whichever are there.
/// </summary>
/// <param name="Key">What it depends on.</param>
/// <param name="Model">The model that it is about.</param>
/// <param name="Data">The texts or samples that it depends on.</param>
internal abstract record DividedRequest(ScoreKey Key, ModelDeclaration Model, DataFile? Data) : ScoreRequest(Key, Model, Data)
{
    internal sealed override IReadOnlyList<ScoreRequest> Pieces => Count() is var count and > 1 ? PiecesOf(count) : [this];

    internal sealed override ScoreWork Work() => WorkOf(null);

    internal sealed override void Compute(ScoringContext context, string path)
    {
        var pieces = PiecesOf(Count());
        var found = pieces.ConvertAll(piece => pieces.Count == 1
            ? null
            : context.Store.Find(piece.Key.Digest, file => ScoreFile.IsOf(file, piece), context.Cancellation));
        int[] lacking = [.. Enumerable.Range(0, found.Count).Where(piece => found[piece] is null)];
        using var computed = Run(context, lacking).GetEnumerator();
        ScoreFile.Write(path, Key, PutTogether(found.Select(file => file is null ? Next() : ScoreFile.Read(file))));

        IReadOnlyDictionary<string, double[]> Next() => computed.MoveNext()
            ? computed.Current.ToDictionary(list => list.Name, list => list.Values, StringComparer.Ordinal)
            : throw new InvalidOperationException($"{Phase} gave fewer pieces than it has.");
    }

    /// <summary>How many pieces there are, at least 1; depends on the key's ingredients alone.</summary>
    private protected abstract int Count();

    /// <summary>What runs for one piece, or for all of them.</summary>
    private protected abstract ScoreWork WorkOf(int? piece);

    /// <summary>Lists that a piece's entry has, as far as that is known.</summary>
    private protected virtual IEnumerable<ScoreList> ListsOf(int piece) => [];

    /// <summary>Computes some pieces, in their order, telling of progress first.</summary>
    private protected abstract IEnumerable<IEnumerable<(string Name, double[] Values)>> Run(
        ScoringContext context, IReadOnlyList<int> pieces);

    /// <summary>Makes the whole of all its pieces' lists, in their order.</summary>
    private protected abstract IEnumerable<(string Name, double[] Values)> PutTogether(
        IEnumerable<IReadOnlyDictionary<string, double[]>> pieces);

    private List<Piece> PiecesOf(int count) => [.. Enumerable.Range(0, count).Select(index => new Piece(this, index, count))];

    private sealed record Piece : ScoreRequest
    {
        private readonly DividedRequest _whole;
        private readonly int _index;
        private readonly int _count;

        public Piece(DividedRequest whole, int index, int count)
            : base(
                new ScoreKey($"{whole.Key.Kind}, piece", [
                    .. whole.Key.Ingredients,
                    new("piece", string.Create(CultureInfo.InvariantCulture, $"{index + 1} of {count}")),
                ]),
                whole.Model,
                whole.Data) => (_whole, _index, _count) = (whole, index, count);

        public override string Phase => string.Create(CultureInfo.InvariantCulture, $"{_whole.Phase}, piece {_index + 1} of {_count}");

        internal override IEnumerable<ScoreRequest> Needs => _whole.Needs;

        internal override ScoreWork Work() => _whole.WorkOf(_index);

        internal override IEnumerable<ScoreList> Lists => _whole.ListsOf(_index);

        internal override void Compute(ScoringContext context, string path) =>
            ScoreFile.Write(path, Key, _whole.Run(context, [_index]).Single());
    }
}
