using MergeTasks.Transformers.Tokenization.Unicode;

namespace MergeTasks.Transformers.Tokenization.Patterns;

internal enum PatternOperation
{
    /// <summary>The match is complete.</summary>
    Match,

    /// <summary>One code point of <c>Set</c>.</summary>
    One,

    /// <summary>Between A and B code points of <c>Set</c>, as many as there are, giving back one at a time.</summary>
    Run,

    /// <summary>Go on at A.</summary>
    Jump,

    /// <summary>Go on at A; on failure at B.</summary>
    Fork,

    /// <summary>Go on at A if the next code point is not in <c>Set</c>.</summary>
    SkipUnless,

    /// <summary>Test the assertion A.</summary>
    Assert,

    /// <summary>Match the instructions that follow up to Match as one whole, then go on at A.</summary>
    Atomic,

    /// <summary>Test the instructions that follow as look-ahead, then go on at A; B is 1 where negated.</summary>
    LookAhead,

    /// <summary>Test the instructions that follow as look-behind, then go on at A; B is 1 where negated.</summary>
    LookBehind,
}

/// <summary>One instruction; what A, B, Least and Most mean depends on the operation.</summary>
internal readonly record struct PatternInstruction(
    PatternOperation Operation, int A = 0, int B = 0, CodePointSet? Set = null, int Least = 0, int Most = 0);

/// <summary>Turns a syntax tree into instructions for a backtracking matcher.</summary>
internal sealed class PatternProgram
{
    private const int MaxLength = 100_000;

    // Repeats write their body out again and again; what it begins with is worked out once.
    private readonly Dictionary<PatternNode, CodePointSet?> _firsts = new(ReferenceEqualityComparer.Instance);

    private readonly List<PatternInstruction> _code = [];
    private int _visits;

    public static PatternInstruction[] Compile(PatternNode node)
    {
        var program = new PatternProgram();
        program.Emit(node);
        program.Add(new(PatternOperation.Match));
        return [.. program._code];
    }

    private int Add(PatternInstruction instruction)
    {
        if (_code.Count == MaxLength) throw TooLarge();
        _code.Add(instruction);
        return _code.Count - 1;
    }

    private void Emit(PatternNode node)
    {
        // Repeats of nothing add no instruction, however many they are.
        if (++_visits > MaxLength) throw TooLarge();
        switch (node)
        {
            case SetNode one:
                Add(new(PatternOperation.One, Set: one.Set));
                break;
            case SequenceNode sequence:
                foreach (var item in sequence.Items) Emit(item);
                break;
            case AlternationNode alternation:
                EmitAlternation(alternation);
                break;
            case RepeatNode repeat:
                EmitRepeat(repeat);
                break;
            case AtomicNode atomic:
                EmitSub(new(PatternOperation.Atomic), atomic.Body);
                break;
            case LookNode look:
                var operation = look.Behind ? PatternOperation.LookBehind : PatternOperation.LookAhead;
                EmitSub(new(operation, B: look.Negated ? 1 : 0, Least: look.Body.MinWidth, Most: look.Body.MaxWidth), look.Body);
                break;
            case AssertionNode assertion:
                Add(new(PatternOperation.Assert, (int)assertion.Kind));
                break;
        }
    }

    private void EmitSub(PatternInstruction head, PatternNode body)
    {
        var at = Add(head);
        Emit(body);
        Add(new(PatternOperation.Match));
        _code[at] = head with { A = _code.Count };
    }

    private void EmitAlternation(AlternationNode alternation)
    {
        var ends = new List<int>();
        for (var i = 0; i < alternation.Choices.Count; i++)
        {
            var choice = alternation.Choices[i];
            var isLast = i == alternation.Choices.Count - 1;
            var isLookedAt = alternation.Choices.Count <= AlternationNode.MostLookedAt && choice.MinWidth > 0;
            var skip = isLookedAt && FirstOf(choice) is { } first ? Add(new(PatternOperation.SkipUnless, Set: first)) : -1;
            var fork = isLast ? -1 : Add(new(PatternOperation.Fork));
            Emit(choice);
            if (isLast)
            {
                // The last choice has nowhere to skip to: its own first instruction fails.
                if (skip >= 0) _code[skip] = _code[skip] with { A = skip + 1 };
                break;
            }

            ends.Add(Add(new(PatternOperation.Jump)));
            _code[fork] = new(PatternOperation.Fork, fork + 1, _code.Count);
            if (skip >= 0) _code[skip] = _code[skip] with { A = _code.Count };
        }

        foreach (var end in ends) _code[end] = new(PatternOperation.Jump, _code.Count);
    }

    private CodePointSet? FirstOf(PatternNode node)
    {
        if (!_firsts.TryGetValue(node, out var first)) _firsts[node] = first = node.First;
        return first;
    }

    private void EmitRepeat(RepeatNode repeat)
    {
        if (repeat is { Body: SetNode one, Kind: RepeatKind.Greedy })
        {
            Add(new(PatternOperation.Run, repeat.Min, repeat.Max, one.Set));
            return;
        }

        for (var i = 0; i < repeat.Min; i++) Emit(repeat.Body);
        if (repeat.Max == int.MaxValue)
        {
            var fork = Add(new(PatternOperation.Fork));
            Emit(repeat.Body);
            Add(new(PatternOperation.Jump, fork));
            _code[fork] = Fork(repeat.Kind, fork + 1, _code.Count);
            return;
        }

        var forks = new List<int>();
        for (var i = repeat.Min; i < repeat.Max; i++)
        {
            forks.Add(Add(new(PatternOperation.Fork)));
            Emit(repeat.Body);
        }

        foreach (var fork in forks) _code[fork] = Fork(repeat.Kind, fork + 1, _code.Count);
    }

    private static PatternSyntaxException TooLarge() => new("the pattern grows too large when its repeats are written out");

    private static PatternInstruction Fork(RepeatKind kind, int body, int exit) =>
        kind == RepeatKind.Greedy ? new(PatternOperation.Fork, body, exit) : new(PatternOperation.Fork, exit, body);
}
