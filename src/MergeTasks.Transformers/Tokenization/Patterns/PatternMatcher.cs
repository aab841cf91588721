using MergeTasks.Transformers.Tokenization.Text;
using MergeTasks.Transformers.Tokenization.Unicode;

namespace MergeTasks.Transformers.Tokenization.Patterns;

/// <summary>Runs a pattern's instructions over one text, backtracking on an explicit stack.</summary>
/// <remarks>Positions are UTF-16 indices of clean text and never fall inside a surrogate pair.</remarks>
internal ref struct PatternMatcher(PatternInstruction[] code, ReadOnlySpan<char> text)
{
    // A step is an instruction or a character of a run. Tokenizers' patterns take some tens for each character; one whose ways to match
    // multiply with every character would go on for years.
    private const long StepsAtLeast = 10_000_000;
    private const long StepsPerCharacter = 1000;

    private readonly PatternInstruction[] _code = code;
    private readonly ReadOnlySpan<char> _text = text;
    private int _searchStart;
    private Frame[] _stack = new Frame[16];
    private int _depth;
    private long _steps = StepsAtLeast + (StepsPerCharacter * text.Length);

    /// <summary>Where to go on after a failure. A run gives back code points until <c>Floor</c>; other frames have none.</summary>
    private readonly record struct Frame(int Instruction, int Position, int Floor);

    /// <summary>The end of the match that starts at <paramref name="start"/>, or -1.</summary>
    /// <exception cref="TokenizerException">Finding out takes more steps than any tokenizer's pattern should.</exception>
    public int Match(int start, int searchStart)
    {
        _searchStart = searchStart;
        _depth = 0;
        return Run(0, start, -1);
    }

    private int Run(int instruction, int position, int requiredEnd)
    {
        var floor = _depth;
        while (true)
        {
            if (--_steps < 0)
                throw new TokenizerException("A pattern of the tokenizer has too many ways to match a text; matching was given up.");
            ref readonly var op = ref _code[instruction];
            var alive = true;
            switch (op.Operation)
            {
                case PatternOperation.Match:
                    if (requiredEnd < 0 || requiredEnd == position)
                    {
                        _depth = floor;
                        return position;
                    }

                    alive = false;
                    break;
                case PatternOperation.One:
                    alive = position < _text.Length
                        && op.Set!.Contains(ScalarText.At(_text, position, out var length))
                        && Advance(ref position, length);
                    instruction++;
                    break;
                case PatternOperation.Run:
                    alive = TakeRun(op, instruction + 1, ref position);
                    instruction++;
                    break;
                case PatternOperation.Jump:
                    instruction = op.A;
                    break;
                case PatternOperation.Fork:
                    Push(new(op.B, position, -1));
                    instruction = op.A;
                    break;
                case PatternOperation.SkipUnless:
                    instruction = position < _text.Length && op.Set!.Contains(ScalarText.At(_text, position, out _))
                        ? instruction + 1
                        : op.A;
                    break;
                case PatternOperation.Assert:
                    alive = Holds((Assertion)op.A, position);
                    instruction++;
                    break;
                case PatternOperation.Atomic:
                    var end = Run(instruction + 1, position, -1);
                    alive = end >= 0;
                    position = end;
                    instruction = op.A;
                    break;
                case PatternOperation.LookAhead:
                    alive = Run(instruction + 1, position, -1) >= 0 == (op.B == 0);
                    instruction = op.A;
                    break;
                default:
                    alive = LookBehind(op, instruction + 1, position) == (op.B == 0);
                    instruction = op.A;
                    break;
            }

            if (alive) continue;
            if (_depth == floor) return -1;
            Backtrack(out instruction, out position);
        }
    }

    private static bool Advance(ref int position, int length)
    {
        position += length;
        return true;
    }

    private bool TakeRun(in PatternInstruction op, int next, ref int position)
    {
        var floor = position;
        var count = 0;
        while (count < op.B && position < _text.Length && op.Set!.Contains(ScalarText.At(_text, position, out var length)))
        {
            position += length;
            if (++count == op.A) floor = position;
        }

        _steps -= count;
        if (count < op.A) return false;
        if (position > floor) Push(new(next, position, floor));
        return true;
    }

    private void Push(Frame frame)
    {
        if (_depth == _stack.Length) Array.Resize(ref _stack, 2 * _depth);
        _stack[_depth++] = frame;
    }

    private void Backtrack(out int instruction, out int position)
    {
        ref var frame = ref _stack[_depth - 1];
        instruction = frame.Instruction;
        position = frame.Position;
        if (frame.Floor >= 0)
        {
            ScalarText.Before(_text, position, out var length);
            position -= length;
            frame = frame with { Position = position };
            if (position > frame.Floor) return;
        }

        _depth--;
    }

    private bool LookBehind(in PatternInstruction op, int body, int position)
    {
        var start = position;
        for (var width = 0; width <= op.Most; width++)
        {
            if (width >= op.Least && Run(body, start, position) >= 0) return true;
            if (start == 0) return false;
            ScalarText.Before(_text, start, out var length);
            start -= length;
        }

        return false;
    }

    private readonly bool Holds(Assertion assertion, int position) => assertion switch
    {
        Assertion.TextStart => position == 0,
        Assertion.TextEnd => position == _text.Length,
        Assertion.TextEndOrLastLineEnd => position == _text.Length || (position == _text.Length - 1 && _text[position] == '\n'),
        Assertion.LineStart => position == 0 || (_text[position - 1] == '\n' && position < _text.Length),
        Assertion.LineEnd => position == _text.Length || _text[position] == '\n',
        Assertion.SearchStart => position == _searchStart,
        Assertion.WordBoundary => IsBoundary(position),
        _ => !IsBoundary(position),
    };

    private readonly bool IsBoundary(int position)
    {
        var word = PropertyNames.WordOutsideBrackets;
        var before = position > 0 && word.Contains(ScalarText.Before(_text, position, out _));
        var after = position < _text.Length && word.Contains(ScalarText.At(_text, position, out _));
        return before != after;
    }
}
