"""Services of the standard `simulation_interfaces`: features, state, step, reset. Part of `simulation`."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import rclpy.node
from simulation_interfaces.msg import Result, SimulationState
from simulation_interfaces.srv import (
    GetSimulationState,
    GetSimulatorFeatures,
    ResetSimulation,
    SetSimulationState,
    StepSimulation,
)

from openmtz.nodes.deferred_service import DeferredService
from openmtz.nodes.simulated_cell.features import FEATURES
from openmtz.simulation.clock import Answer, Pacer, RunControl, RunState, Scope, Stepping, scope_of


@dataclass(frozen=True)
class ControlActions:
    """What the world does when told.

    `release`: take the foot off the footswitch. `reset`: bring back a scope; returns why it cannot be,
    or nothing. `quit`: end the process.
    """

    release: Callable[[], None]
    reset: Callable[[Scope], str]
    quit: Callable[[], None]


class SimulationControl:
    """Serves the five services and says how many steps are due.

    Nothing may fire into a world that stands still: whoever pauses takes the foot off the footswitch
    first, and a world that does not run at real time keeps the head's key off.
    """

    def __init__(self, node: rclpy.node.Node, pacer: Pacer, actions: ControlActions, portion: int) -> None:
        self._pacer, self._actions = pacer, actions
        self._control = RunControl()
        self._steps = Stepping(pacer.timestep_s, portion)
        self._waiting: Future[Any] | None = None
        self._log = node.get_logger()
        self._step_service = DeferredService(node, StepSimulation, "simulation/step_simulation")
        self.close = self._step_service.close
        node.create_service(GetSimulatorFeatures, "simulation/get_simulator_features", self._on_features)
        node.create_service(GetSimulationState, "simulation/get_simulation_state", self._on_get_state)
        node.create_service(SetSimulationState, "simulation/set_simulation_state", self._on_set_state)
        node.create_service(ResetSimulation, "simulation/reset_simulation", self._on_reset)

    @property
    def playing(self) -> bool:
        """True while time runs by itself."""
        return self._control.playing

    def due(self) -> int:
        """Return the steps to make in this turn of the work loop.

        Stepping makes one portion a turn, after which sensors report: twice real time, and no reader with
        a short queue loses a joint state.
        """
        for asked in self._step_service.asked():
            self._on_step(*asked)
        if self._steps.active:
            return self._steps.take()
        return self._pacer.due_steps() if self._control.playing else 0

    def done(self) -> None:
        """The steps are made: answer a call whose last ones these were."""
        if self._steps.done:
            self._finish_stepping(Result.RESULT_OK, "")

    def _finish_stepping(self, result: int, text: str) -> None:
        self._steps.end()
        if self._waiting is not None:
            _answer(self._waiting, result, text)
        self._waiting = None

    # ---- services -------------------------------------------------------------------------------

    def _on_features(self, _request: Any, response: GetSimulatorFeatures.Response) -> Any:
        response.features.features = list(FEATURES)
        response.features.custom_info = (
            "docs/simulation_control.md; nothing can be spawned: SCOPE_SPAWNED ends the faults injected"
        )
        return response

    def _on_get_state(self, _request: Any, response: GetSimulationState.Response) -> Any:
        response.state = SimulationState(state=int(self._control.state))
        response.result.result = Result.RESULT_OK
        return response

    def _on_set_state(self, request: SetSimulationState.Request, response: Any) -> Any:
        before = self._control.state
        change = self._control.request(request.state.state)
        codes = {
            Answer.OK: Result.RESULT_OK,
            Answer.ALREADY: SetSimulationState.Response.ALREADY_IN_TARGET_STATE,
            Answer.IMPOSSIBLE: SetSimulationState.Response.INCORRECT_TRANSITION,
        }
        response.result = Result(result=codes[change.answer], error_message=change.text)
        if change.answer is not Answer.OK:
            return response
        self._log.info(f"simulation: {before.name} -> {self._control.state.name}")
        self._finish_stepping(Result.RESULT_OPERATION_FAILED, "the state was changed while stepping")
        if self._control.state is RunState.PLAYING:
            self._pacer.resume()
        else:
            self._actions.release()
            self._pacer.pause()
        if change.reset:
            response.result.error_message = self._actions.reset(scope_of(0))
        if self._control.state is RunState.QUITTING:
            self._actions.quit()
        return response

    def _on_step(self, request: StepSimulation.Request, future: Future[Any]) -> None:
        why_not = self._steps.why_not(self._control.state, request.steps)
        if why_not:
            standing = self._control.state in (RunState.PAUSED, RunState.STOPPED) and not self._steps.active
            code = Result.RESULT_OPERATION_FAILED if standing else Result.RESULT_INCORRECT_STATE
            _answer(future, code, why_not)
            return
        self._control.stepped()
        self._steps.begin(int(request.steps))
        self._waiting = future

    def _on_reset(self, request: ResetSimulation.Request, response: ResetSimulation.Response) -> Any:
        try:
            scope = scope_of(request.scope)
        except ValueError as error:
            response.result = Result(result=Result.RESULT_FEATURE_UNSUPPORTED, error_message=str(error))
            return response
        self._finish_stepping(Result.RESULT_OPERATION_FAILED, "the simulation was reset while stepping")
        self._actions.release()
        why_not = self._actions.reset(scope)
        code = Result.RESULT_OPERATION_FAILED if why_not else Result.RESULT_OK
        response.result = Result(result=code, error_message=why_not)
        return response


def _answer(future: Future[Any], result: int, text: str) -> None:
    future.set_result(StepSimulation.Response(result=Result(result=result, error_message=text)))
