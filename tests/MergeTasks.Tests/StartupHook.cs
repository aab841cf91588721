using System.Collections;
using System.Reflection;
using System.Text.Json;
using MergeTasks.Tests;

/// <summary>
/// The runtime calls this before the SDK's own Main (DOTNET_STARTUP_HOOKS). It calls that Main once per line of the input, as new processes
/// would, until the input ends: whoever started the process has then ended, too.
/// </summary>
internal static class StartupHook
{
    public static void Initialize()
    {
        // What the SDK does with the console changes which reader that has.
        using var input = new StreamReader(Console.OpenStandardInput());
        var main = Assembly.Load("dotnet").EntryPoint!;
        var home = Environment.CurrentDirectory;
        while (input.ReadLine() is { } line)
        {
            var command = JsonSerializer.Deserialize<SdkCommand>(line)!;
            Environment.CurrentDirectory = command.Folder;
            foreach (var name in Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(variable => (string)variable.Key))
                Environment.SetEnvironmentVariable(name, command.Variables.GetValueOrDefault(name));
            foreach (var (name, value) in command.Variables)
                Environment.SetEnvironmentVariable(name, value);
            var code = main.Invoke(null, [command.Arguments]);
            Environment.CurrentDirectory = home;
            Console.Error.Write(SdkCommand.End + "\n");
            Console.Out.Write($"{SdkCommand.End}{code}\n");
            Console.Error.Flush();
            Console.Out.Flush();
        }

        Environment.Exit(0);
    }
}
